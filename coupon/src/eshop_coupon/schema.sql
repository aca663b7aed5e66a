-- Tables of the coupon service.

-- order_id names the order that used the coupon, gid and branch_id the branch of the transaction that did it.
CREATE TABLE IF NOT EXISTS coupon (
    id bigint unsigned NOT NULL AUTO_INCREMENT,
    user_id bigint unsigned NOT NULL,
    amount int unsigned NOT NULL DEFAULT 0,
    status tinyint unsigned NOT NULL DEFAULT 1,
    order_id varchar(64) NOT NULL DEFAULT '',
    gid varchar(64) NOT NULL DEFAULT '',
    branch_id varchar(20) NOT NULL DEFAULT '',
    created_at datetime NULL,
    updated_at datetime NULL,
    deleted_at datetime NULL,
    PRIMARY KEY (id),
    KEY user_id (user_id),
    KEY gid (gid),
    KEY idx_coupon_deleted_at (deleted_at)
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
