-- Table of the product service.

CREATE TABLE IF NOT EXISTS product (
    id bigint unsigned NOT NULL AUTO_INCREMENT,
    name varchar(100) NOT NULL DEFAULT '',
    price int NOT NULL DEFAULT 0,
    photo varchar(255) NOT NULL DEFAULT '',
    description varchar(4096) NOT NULL DEFAULT '',
    created_at datetime NULL,
    updated_at datetime NULL,
    deleted_at datetime NULL,
    PRIMARY KEY (id),
    KEY idx_product_deleted_at (deleted_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
