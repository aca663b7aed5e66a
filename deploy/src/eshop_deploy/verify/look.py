"""One look at all books, and a verdict that rests on two."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Generator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import pymysql
import redis

from eshop_deploy.settings import Settings
from eshop_deploy.verify import accepted, orders, sales, stock, totals, transactions
from eshop_deploy.verify import queue as queues
from eshop_deploy.verify.findings import Finding, Look, OnItsWay, persistent
from eshop_deploy.verify.scope import Scope
from eshop_deploy.verify.stores import Snapshot, open_mysql, open_redis, snapshot

LOOK_AGAIN_SECONDS = 1.0
# A poll of the queue may take some seconds to place.
LOOK_AGAIN_AT_QUEUE_SECONDS = 10.0
# An order that nobody owned or finished for so long is told: the sweeper takes over after 15 s.
STUCK_SECONDS = 120


@dataclass
class Books:
    """The stores of one suite, looked at again and again."""

    settings: Settings
    mysql: pymysql.Connection[Any]
    redis: redis.Redis
    queue: queues.OrderQueue
    deep: bool = False
    seen: queues.Seen = field(default_factory=queues.Seen)

    def verdict(self) -> Look:
        """Looks, and where something is found looks again: only what both looks found is told."""
        first = self.look()
        if not first.findings:
            return first
        queue = any(finding.what == "queue" for finding in first.findings)
        time.sleep(LOOK_AGAIN_AT_QUEUE_SECONDS if queue else LOOK_AGAIN_SECONDS)
        second = self.look()
        both = persistent(first.findings, second.findings)
        return Look(both, second.on_its_way, second.counted, second.put_aside, first.seconds + second.seconds)

    def look(self) -> Look:
        """Looks once. In the order in which units and orders move on, so that none is missed between two stores."""
        began = time.monotonic()
        now = Snapshot(self.mysql)
        missing = accepted.remembered_without_order(now, self.redis) if self.deep else []
        spans = self.queue.spans()
        letters = self.queue.letters()
        read = sales.read_sales(now, self.redis, sales.products_on_sale(now))
        with snapshot(self.mysql) as db:
            selling = sales.SaleBooks(db, read, self.redis)
            queued = queues.QueueBooks(self.queue, spans, letters, self.seen, deep=self.deep)
            found = [
                *stock.wrong_stocks(db),
                *orders.wrong_orders(db),
                *stuck_orders(db),
                *selling.wrong(),
                *sales.beyond_limits(self.redis, read.sales),
                *transactions.not_reverted(db, deep=self.deep),
                *queues.unaccounted(letters),
                *queues.stalled(self.queue, spans),
                *queued.wrong(db),
                *totals.wrong_totals(db),
            ]
            messages = transactions.unfinished_messages(self.redis)
            later = self.queue.spans()
            found += accepted.lost_units(db, selling.not_booked(), messages, later)
            found += accepted.lost_acceptances(db, missing, messages, later)
            on_its_way = [
                *unfinished_orders(db),
                *transactions.unfinished_in_mysql(db),
                *messages.on_their_way(),
                *selling.on_their_way(),
                *queues.lag(later),
            ]
            counted = _counted(db) | {"messages": queued.looked_at, "sales": len(read.sales)}
        return Look(tuple(found), tuple(on_its_way), counted, len(letters), time.monotonic() - began)


def look_at_products(mysql: pymysql.Connection[Any], link: redis.Redis, products: Collection[int]) -> Look:
    """Looks at what these products have to do with, by the same invariants. The queue is not read: an accepted order
    that was lost there does not show. An order whose transaction has ended counts as ended.
    """
    began, scope = time.monotonic(), Scope.of(products)
    now = Snapshot(mysql)
    read = sales.read_sales(now, link, sales.products_on_sale(now, scope))
    with snapshot(mysql) as db:
        selling = sales.SaleBooks(db, read, link)
        found = [
            *stock.wrong_stocks(db, scope),
            *orders.wrong_orders(db, scope),
            *selling.wrong(),
            *sales.beyond_limits(link, read.sales),
            *transactions.not_reverted(db, scope, deep=True),
        ]
        on_its_way = [
            *undecided_orders(db, scope),
            *transactions.unfinished_in_mysql(db, scope),
            *selling.on_their_way(),
            *selling.unbooked(),
        ]
    return Look(tuple(found), tuple(on_its_way), {"sales": len(read.sales)}, 0, time.monotonic() - began)


def undecided_orders(db: Snapshot, scope: Scope) -> list[OnItsWay]:
    """Orders that may still end either way, whatever their row says."""
    rows = db.rows(
        "SELECT state, COUNT(*), MIN(order_id) FROM eshop_order.order_record o"  # noqa: S608 - constants
        f" WHERE {scope.by_product()} AND (state = 'placing'"
        " OR (state = 'reverted' AND suite = 1) OR (state = 'claimed'"
        " AND NOT EXISTS (SELECT 1 FROM dtm.trans_global g WHERE g.gid = o.gid AND g.status = 'succeed')))"
        " GROUP BY state"
    )
    return [OnItsWay(f"orders {state}", number, order_id) for state, number, order_id in rows]


def unfinished_orders(db: Snapshot) -> list[OnItsWay]:
    """Orders that are not final."""
    rows = db.rows(
        "SELECT state, COUNT(*), MIN(order_id) FROM eshop_order.order_record"
        " WHERE state IN ('placing', 'claimed', 'reverted') GROUP BY state"
    )
    return [OnItsWay(f"orders {state}", number, order_id) for state, number, order_id in rows]


def stuck_orders(db: Snapshot) -> Iterator[Finding]:
    """Orders that no transaction carries on, and that nobody took over in time."""
    rows = db.rows(
        "SELECT o.order_id, o.state, o.gid, o.product_id, COALESCE(g.status, 'unknown to DTM'),"  # noqa: S608
        " TIMESTAMPDIFF(SECOND, o.updated_at, UTC_TIMESTAMP())"
        " FROM eshop_order.order_record o LEFT JOIN dtm.trans_global g"
        # In the collation of DTM's table, or its index is of no use.
        " ON g.gid = CONVERT(o.gid USING ascii)"
        " WHERE o.state IN ('placing', 'claimed', 'reverted')"
        f" AND o.updated_at < UTC_TIMESTAMP() - INTERVAL {STUCK_SECONDS} SECOND"
        " AND (g.gid IS NULL OR g.status IN ('succeed', 'failed')) LIMIT 1000"
    )
    for order_id, state, gid, product, status, seconds in rows:
        owner = f"its transaction {gid} is {status}" if gid else "no transaction owns it"
        told = f"{state} for {seconds} s, and {owner}: nobody finishes it"
        yield Finding("I6", "order", order_id, told, (gid,) if gid else (), product)


def _counted(db: Snapshot) -> dict[str, int]:
    tables = {
        "orders": "eshop_order.order_record",
        "payments": "eshop_pay.pay",
        "ledger rows": "eshop_stock.stock_ledger",
    }
    return {name: db.number(f"SELECT COUNT(*) FROM {table}") for name, table in tables.items()}  # noqa: S608 - constants


@contextmanager
def open_books(settings: Settings, *, deep: bool = False) -> Generator[Books]:
    """Opens the stores of a stack."""
    with ExitStack() as stack:
        yield Books(
            settings,
            stack.enter_context(open_mysql(settings)),
            stack.enter_context(open_redis(settings)),
            stack.enter_context(queues.open_queue(settings)),
            deep,
        )


def wait_until_at_rest(books: Books, seconds: float, tell: Callable[[Look], None]) -> Look:
    """Looks until nothing is on its way, `seconds` at most; `tell` hears of each look that is not the last."""
    end = time.monotonic() + seconds
    while True:
        look = books.verdict()
        if (look.at_rest and not look.findings) or time.monotonic() > end:
            return look
        tell(look)
        time.sleep(LOOK_AGAIN_SECONDS)
