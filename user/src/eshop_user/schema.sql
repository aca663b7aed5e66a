-- Table of the user service. Texts are equal when they are the same letter by letter.

-- email_folded is the e-mail without its letter case, written by the service: two that are equal in it are one.
CREATE TABLE IF NOT EXISTS user (
    id bigint unsigned NOT NULL AUTO_INCREMENT,
    name varchar(50) NOT NULL DEFAULT '',
    password varchar(255) NOT NULL DEFAULT '',
    email varchar(255) NOT NULL,
    email_folded varchar(255) NOT NULL,
    phone varchar(30) NOT NULL DEFAULT '',
    avatar varchar(255) NOT NULL DEFAULT '',
    age int NOT NULL DEFAULT 0,
    gender tinyint NOT NULL DEFAULT 0,
    status tinyint NOT NULL DEFAULT 0,
    login_at bigint unsigned NOT NULL DEFAULT 0,
    login_type tinyint NOT NULL DEFAULT 0,
    created_at datetime NULL,
    updated_at datetime NULL,
    deleted_at datetime NULL,
    live tinyint unsigned GENERATED ALWAYS AS (IF(deleted_at IS NULL, 1, NULL)) VIRTUAL,
    PRIMARY KEY (id),
    UNIQUE KEY email (email_folded, live),
    KEY idx_user_deleted_at (deleted_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
