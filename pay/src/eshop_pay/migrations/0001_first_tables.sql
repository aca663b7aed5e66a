-- Tables of the pay service.

-- gid names the transaction that opened the payment.
CREATE TABLE IF NOT EXISTS pay (
    id bigint unsigned NOT NULL AUTO_INCREMENT,
    user_id bigint unsigned NOT NULL,
    order_id varchar(64) NOT NULL,
    amount int unsigned NOT NULL,
    status tinyint unsigned NOT NULL DEFAULT 1,
    gid varchar(64) NOT NULL DEFAULT '',
    created_at datetime NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at datetime NULL DEFAULT CURRENT_TIMESTAMP,
    deleted_at datetime NULL,
    PRIMARY KEY (id),
    UNIQUE KEY order_id (order_id),
    KEY gid (gid),
    KEY idx_pay_deleted_at (deleted_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

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
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
