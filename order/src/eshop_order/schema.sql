-- Tables of the order service.

-- status is what buyers see; state is where the order stands in being placed, and gid the transaction that owns it:
--   placing    handed out as running before any transaction owned it
--   claimed    owned by gid, whose outcome is not written here yet
--   confirmed  final
--   reverted   given up by gid and free to be claimed again; not shown, because deleted_at is set with it
--   cancelled  final, with the reason
-- branch_id is the branch of gid that claimed the order, '' where none has yet.
-- suite is 1 for orders that this service places itself, 0 for those of a saga that somebody else submitted.
CREATE TABLE IF NOT EXISTS order_record (
    id bigint unsigned NOT NULL AUTO_INCREMENT,
    order_id varchar(64) NOT NULL,
    user_id bigint unsigned NOT NULL,
    product_id bigint unsigned NOT NULL,
    product_count int unsigned NOT NULL,
    amount int unsigned NOT NULL,
    coupon_id bigint unsigned NOT NULL DEFAULT 0,
    status tinyint unsigned NOT NULL DEFAULT 1,
    state enum('placing', 'claimed', 'confirmed', 'reverted', 'cancelled') NOT NULL,
    gid varchar(64) NOT NULL DEFAULT '',
    branch_id varchar(20) NOT NULL DEFAULT '',
    suite tinyint unsigned NOT NULL DEFAULT 1,
    reason varchar(500) NOT NULL DEFAULT '',
    code varchar(40) NOT NULL DEFAULT '',
    created_at datetime NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at datetime NULL DEFAULT CURRENT_TIMESTAMP,
    deleted_at datetime NULL,
    PRIMARY KEY (id),
    UNIQUE KEY order_id (order_id),
    KEY gid (gid),
    KEY state (state, updated_at),
    KEY user_id (user_id),
    KEY idx_order_record_deleted_at (deleted_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- Units of refused flash-sale orders that go back for sale; a row is written with the cancellation and leaves when Redis has it.
CREATE TABLE IF NOT EXISTS unit_return (
    order_id varchar(64) NOT NULL,
    product_id bigint unsigned NOT NULL,
    resell tinyint unsigned NOT NULL,
    created_at datetime NOT NULL DEFAULT CURRENT_TIMESTAMP,
    PRIMARY KEY (order_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- Orders whose message was put aside: they were accepted, and are not placed until somebody has looked (make dead-letters).
CREATE TABLE IF NOT EXISTS dead_letter (
    id bigint unsigned NOT NULL AUTO_INCREMENT,
    order_id varchar(64) NOT NULL,
    position varchar(300) NOT NULL,
    reason varchar(500) NOT NULL,
    created_at datetime NOT NULL DEFAULT CURRENT_TIMESTAMP,
    PRIMARY KEY (id),
    UNIQUE KEY order_id (order_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- Messages of the queue that were put aside, by the place ("topic/partition/offset") where each was read. A row is written
-- before the dead letter (writing) and marked after it (written, or refused where Kafka takes no letter of it).
CREATE TABLE IF NOT EXISTS buried (
    id bigint unsigned NOT NULL AUTO_INCREMENT,
    place varchar(300) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    state enum('writing', 'written', 'refused') NOT NULL DEFAULT 'writing',
    reason varchar(500) NOT NULL,
    created_at datetime NOT NULL DEFAULT CURRENT_TIMESTAMP,
    PRIMARY KEY (id),
    UNIQUE KEY place (place)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- How far the topics of the order queue reached when messages began to be sealed. What is older has no seal and counts all
-- the same. Partition -1 says that a topic has been looked at.
CREATE TABLE IF NOT EXISTS before_seals (
    topic varchar(249) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    kafka_partition int NOT NULL,
    until_offset bigint NOT NULL,
    PRIMARY KEY (topic, kafka_partition)
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

-- Requests that bore an idempotency key; a row is written before anything else is done. order_id is the order that the
-- request is, body a hash of what was asked for. answer is what was answered, '' until then, and for a submitted order
-- whose own row tells how it ended. Who claimed an unanswered row is at it since claimed_at, or died.
CREATE TABLE IF NOT EXISTS idempotency_key (
    id bigint unsigned NOT NULL AUTO_INCREMENT,
    user_id bigint unsigned NOT NULL,
    idem_key varbinary(255) NOT NULL,
    operation enum('submit', 'notify') NOT NULL,
    body char(64) NOT NULL,
    order_id varchar(64) NOT NULL,
    answer varchar(16) NOT NULL DEFAULT '',
    claimed_at datetime(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
    created_at datetime NOT NULL DEFAULT CURRENT_TIMESTAMP,
    PRIMARY KEY (id),
    UNIQUE KEY user_id (user_id, idem_key, operation),
    UNIQUE KEY order_id (order_id),
    KEY created_at (created_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
