-- Tables of the trial service.
CREATE TABLE IF NOT EXISTS trial (
    id bigint unsigned NOT NULL PRIMARY KEY,
    num int unsigned NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE IF NOT EXISTS thing (
    id bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
    name varchar(20) NOT NULL DEFAULT '',
    password varchar(255) NOT NULL DEFAULT '',
    email varchar(100) NOT NULL,
    phone varchar(30) NOT NULL DEFAULT '',
    avatar varchar(255) NOT NULL DEFAULT '',
    age tinyint unsigned NOT NULL DEFAULT 0,
    gender tinyint NOT NULL DEFAULT 0,
    status tinyint NOT NULL DEFAULT 0,
    login_at bigint unsigned NOT NULL DEFAULT 0,
    login_type tinyint NULL,
    created_at datetime NULL,
    updated_at datetime NULL,
    deleted_at datetime NULL,
    live tinyint unsigned GENERATED ALWAYS AS (IF(deleted_at IS NULL, 1, NULL)) VIRTUAL,
    UNIQUE KEY email (email, live),
    UNIQUE KEY login_at (login_at, live),
    KEY idx_thing_deleted_at (deleted_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE IF NOT EXISTS refusal (
    id bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
    gid varchar(64) NOT NULL,
    branch_id varchar(16) NOT NULL,
    order_id varchar(96) NOT NULL,
    code varchar(40) NOT NULL,
    reason varchar(500) NOT NULL,
    UNIQUE KEY gid (gid, branch_id, order_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
