"""MySQL, Redis and Kafka of one stack, asked behind the services' backs."""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from typing import Any, cast

import pymysql
import redis
from confluent_kafka import Consumer, TopicPartition

from eshop_deploy.stacks import Settings
from eshop_deploy.verify import Names

SECONDS = 5.0
# What orders leave behind; the tables of what is sold and to whom stay.
TRACES = (
    "eshop_order.order_record",
    "eshop_order.unit_return",
    "eshop_order.refusal",
    "eshop_pay.pay",
    "eshop_pay.refusal",
    "eshop_stock.stock",
    "eshop_stock.stock_ledger",
    "eshop_stock.refusal",
    "eshop_coupon.refusal",
    "dtm_barrier.barrier",
    "dtm.trans_global",
    "dtm.trans_branch_op",
)
LISTED = ("eshop_order.order_record", "eshop_pay.pay", "eshop_stock.stock")
# Where a service keeps how many rows its lists have.
COUNTERS = "shown_rows"
# Behind a table's name: how often its rows were hidden or shown again.
MOVES = "/moves"
# DTM's transactions and their branches in Redis, and the sales with their barriers.
KEYS = ("flash:*", "{a}_g_*", "{a}_b_*", "{a}_s_*")
UNFINISHED_MESSAGES = "{a}_u"


class Stores:
    """`sql` gives rows, `value` the only column of the only row."""

    def __init__(self, mysql: pymysql.Connection[Any], cache: redis.Redis, kafka: Consumer, topic: str) -> None:
        self.mysql = mysql
        self.redis = cache
        self._kafka = kafka
        partitions = kafka.list_topics(topic, timeout=SECONDS).topics[topic].partitions
        counting = "SELECT table_schema FROM information_schema.tables WHERE table_name = %s"
        self._counting = {str(database) for (database,) in self.sql(counting, COUNTERS)}
        self._partitions = [TopicPartition(topic, partition) for partition in partitions]

    def sql(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        with self.mysql.cursor() as cursor:
            cursor.execute(statement, values)
            return list(cursor.fetchall())

    def value(self, statement: str, *values: object) -> Any:
        ((value,),) = self.sql(statement, *values)
        return value

    def count(self, rows: str) -> int:
        """How many `rows` there are, given as FROM and WHERE."""
        return int(self.value(f"SELECT COUNT(*) {rows}"))

    def change(self, statement: str, *values: object) -> int:
        """Returns how many rows were changed."""
        with self.mysql.cursor() as cursor:
            return cursor.execute(statement, values)

    def recount(self, table: str) -> None:
        """Tells the table's counters, where there are any, how many rows it shows now."""
        database, _, name = table.partition(".")
        if database in self._counting:
            self.change(f"DELETE FROM {database}.{COUNTERS} WHERE table_name = %s", name)
            self.change(
                f"INSERT INTO {database}.{COUNTERS} (table_name, slot, shown)"
                f" SELECT %s, 0, COUNT(*) FROM {table} WHERE deleted_at IS NULL",
                name,
            )
            # What the service knows of where its rows are is over, as when a row is hidden.
            self.change(
                f"INSERT INTO {database}.{COUNTERS} (table_name, slot, shown) VALUES (%s, 0, 1)"
                " ON DUPLICATE KEY UPDATE shown = shown + 1",
                f"{name}{MOVES}",
            )

    def miscounted(self, table: str) -> int:
        """How many rows more the table's counters say than are shown; 0 where there are none."""
        database, _, name = table.partition(".")
        if database not in self._counting:
            return 0
        counted = f"SELECT SUM(shown) FROM {database}.{COUNTERS} WHERE table_name = %s"
        return int(self.value(f"SELECT ({counted}) - COUNT(*) FROM {table} WHERE deleted_at IS NULL", name) or 0)

    def lag(self) -> int:
        """Messages in the queue whose orders are not final yet."""
        return sum(self._behind(found) for found in self._kafka.committed(self._partitions, timeout=SECONDS))

    def _behind(self, committed: TopicPartition) -> int:
        low, high = self._kafka.get_watermark_offsets(committed, timeout=SECONDS)
        return high - (committed.offset if committed.offset >= 0 else low)

    def sale(self, product: int) -> dict[str, str]:
        """The sale of one product as Redis has it; empty where there is none."""
        return cast("dict[str, str]", self.redis.hgetall(f"flash:{{{product}}}:sale"))

    def forget_orders(self) -> None:
        """Empties what orders leave behind. Nothing may be under way."""
        for table in TRACES:
            self.change(f"TRUNCATE TABLE {table}")
        for table in LISTED:
            self.recount(table)
        for pattern in KEYS:
            self._unlink(pattern)

    def _unlink(self, pattern: str) -> None:
        found: list[str] = []
        for key in self.redis.scan_iter(match=pattern, count=5000):  # pyright: ignore[reportUnknownVariableType]
            found.append(cast("str", key))
            if len(found) == 5000:
                self.redis.unlink(*found)
                found.clear()
        if found:
            self.redis.unlink(*found)


@contextlib.contextmanager
def open_stores(settings: Settings) -> Generator[Stores]:
    """Connects to all three; raises the clients' own errors."""
    mysql = pymysql.connect(
        host=settings.host,
        port=settings.ports["mysql"],
        user=settings.mysql_user,
        password=settings.mysql_password,
        autocommit=True,
    )
    cache = redis.Redis(settings.host, settings.ports["redis"], password=settings.redis_password, decode_responses=True)
    # A member of no group: it only asks how far the group of the order service is.
    names = Names.of(settings)
    config = {"bootstrap.servers": settings.address("kafka"), "group.id": names.group, "enable.auto.commit": False}
    kafka = Consumer(config)
    with contextlib.closing(mysql), contextlib.closing(cache), contextlib.closing(kafka):
        yield Stores(mysql, cache, kafka, names.topic)
