-- The barrier's table, as DTM's own clients use it (same columns and unique key), for MySQL 8 and MariaDB.
-- Two differences: letter case counts in a gid, and there are no indexes on the times, which every insert would pay for.
CREATE DATABASE IF NOT EXISTS dtm_barrier DEFAULT CHARSET utf8mb4;
CREATE TABLE IF NOT EXISTS dtm_barrier.barrier (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    trans_type VARCHAR(45) NOT NULL DEFAULT '',
    gid VARCHAR(128) NOT NULL DEFAULT '',
    branch_id VARCHAR(128) NOT NULL DEFAULT '',
    op VARCHAR(45) NOT NULL DEFAULT '',
    barrier_id VARCHAR(45) NOT NULL DEFAULT '',
    reason VARCHAR(45) NOT NULL DEFAULT '' COMMENT 'the op that wrote this row, or refused, or refused:CODE',
    create_time DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
    update_time DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
    UNIQUE KEY gid (gid, branch_id, op, barrier_id)
) ENGINE = InnoDB DEFAULT CHARSET = ascii COLLATE = ascii_bin;
