-- Tables of the stock service.

-- flash_open of a product on flash sale: 1 open, 0 being set, 2 waiting to be set again because Redis has restarted;
-- in the last case orders take their units from here alone.
CREATE TABLE IF NOT EXISTS stock (
    id bigint unsigned NOT NULL AUTO_INCREMENT,
    product_id bigint unsigned NOT NULL,
    stock int unsigned NOT NULL DEFAULT 0,
    flash_version bigint unsigned NOT NULL DEFAULT 0,
    flash_limit int unsigned NOT NULL DEFAULT 0,
    flash_open tinyint unsigned NOT NULL DEFAULT 0,
    created_at datetime NULL,
    updated_at datetime NULL,
    deleted_at datetime NULL,
    live tinyint unsigned GENERATED ALWAYS AS (IF(deleted_at IS NULL, 1, NULL)) VIRTUAL,
    PRIMARY KEY (id),
    UNIQUE KEY product_id (product_id, live),
    KEY idx_stock_deleted_at (deleted_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- Every change of a stock, in the same transaction as the change: the sum per product is its stock.
-- ref is the order, or gid/branch where the branch does not know it; kind is one of
-- create, update, delete, flash (set by SetFlashSaleStock), order, revert. gid and branch_id name the branch that booked
-- the row: its undo puts back what stands here, whatever it is told.
CREATE TABLE IF NOT EXISTS stock_ledger (
    id bigint unsigned NOT NULL AUTO_INCREMENT,
    product_id bigint unsigned NOT NULL,
    delta bigint NOT NULL,
    kind varchar(10) NOT NULL,
    ref varchar(96) NOT NULL DEFAULT '',
    gid varchar(64) NOT NULL DEFAULT '',
    branch_id varchar(20) NOT NULL DEFAULT '',
    created_at datetime NOT NULL DEFAULT CURRENT_TIMESTAMP,
    PRIMARY KEY (id),
    KEY ref (ref),
    KEY product_id (product_id),
    KEY gid (gid)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS refusal (
    id bigint unsigned NOT NULL AUTO_INCREMENT,
    gid varchar(64) NOT NULL,
    branch_id varchar(16) NOT NULL,
    order_id varchar(96) NOT NULL,
    code varchar(40) NOT NULL,
    reason varchar(500) NOT NULL,
    created_at datetime NOT NULL DEFAULT CURRENT_TIMESTAMP,
    PRIMARY KEY (id),
    UNIQUE KEY gid (gid, branch_id, order_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- The run of Redis that the flash sales were last set for; one row.
CREATE TABLE IF NOT EXISTS redis_run (
    id tinyint unsigned NOT NULL,
    run_id varchar(64) NOT NULL,
    PRIMARY KEY (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
