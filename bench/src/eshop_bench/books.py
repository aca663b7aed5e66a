"""The books of a row: what buyers were promised against the orders there are, and the invariants of `eshop verify`."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from eshop_bench.scene import Scene
from eshop_bench.stores import LISTED, UNFINISHED_MESSAGES, Stores
from eshop_deploy.verify import look_at_products

SETTLE_SECONDS = 10.0
LIVE = "state = 'confirmed' AND status <> 5"
UNFINISHED = "state IN ('placing', 'claimed', 'reverted')"
OPEN_PAYMENT = "p.status IN (1, 2) AND p.deleted_at IS NULL"


@dataclass(frozen=True)
class Promised:
    """What buyers were told: this many have an order for sure, and this many more may have one."""

    surely: int
    perhaps: int = 0
    wrong: int = 0


def promised(answers: Mapping[str, int], sold_before: int) -> Promised:
    """A running order is open. So is one whose answer never came, was a failure, or was somebody else's."""
    surely = sum(answers.get(kind, 0) for kind in ("accepted", "confirmed"))
    perhaps = sum(answers.get(kind, 0) for kind in ("running", "busy", "failures", "wrong"))
    return Promised(surely + sold_before, perhaps, answers.get("wrong", 0))


@dataclass(frozen=True)
class Loose:
    """What is not of one product: orders that are not final, transactions under way, payments without an order, used
    coupons without an order, rows that totals of lists are off by. A row answers for what came in its own time.
    """

    orders: int = 0
    transactions: int = 0
    payments: int = 0
    coupons: int = 0
    miscounted: int = 0

    def since(self, before: Loose) -> Loose:
        return Loose(
            self.orders - before.orders,
            self.transactions - before.transactions,
            self.payments - before.payments,
            self.coupons - before.coupons,
            self.miscounted - before.miscounted,
        )


@dataclass(frozen=True)
class Books:
    """What the stores say about the products of one row: live orders, each of one unit, and what `verify` finds."""

    offered: int
    orders: int
    wrong: Sequence[str]
    loose: Loose


def problems(books: Books, told: Promised) -> list[str]:
    """Everything that is wrong, as sentences; none for books that are right."""
    return [*_orders(books, told), *books.wrong, *_loose(books.loose)]


def _orders(books: Books, told: Promised) -> Iterator[str]:
    if not told.surely <= books.orders <= told.surely + told.perhaps:
        perhaps = f" and {told.perhaps} perhaps" if told.perhaps else ""
        yield f"{told.surely} orders were accepted{perhaps}, and there are {books.orders}"
    if told.wrong:
        yield f"{told.wrong} buyers got an answer that was not theirs"
    if books.orders > books.offered:
        yield f"{books.orders} units were sold of {books.offered}"


def _loose(loose: Loose) -> Iterator[str]:
    if loose.orders > 0:
        yield f"{loose.orders} orders are not final"
    if loose.transactions > 0:
        yield f"{loose.transactions} transactions have not ended"
    if loose.payments > 0:
        yield f"{loose.payments} payments belong to no order"
    if loose.coupons > 0:
        yield f"{loose.coupons} coupons are used, and no live order has them"
    if loose.miscounted:
        yield f"totals of lists are off by {loose.miscounted}"


def settled(stores: Stores, scene: Scene, before: Loose, told: Promised) -> tuple[Books, list[str]]:
    """Waits a moment for what is bound to come to rest; returns the books then, and what is wrong with them."""
    end = time.monotonic() + SETTLE_SECONDS
    while True:
        books = read_books(stores, scene, before)
        found = problems(books, told)
        if not found or time.monotonic() > end:
            return books, found
        time.sleep(0.2)


def read_books(stores: Stores, scene: Scene, before: Loose) -> Books:
    mine = f"product_id IN ({','.join(str(product) for product in scene.products) or 'NULL'})"
    look = look_at_products(stores.mysql, stores.redis, scene.products)
    return Books(
        offered=scene.offered,
        orders=stores.count(f"FROM eshop_order.order_record WHERE {mine} AND {LIVE}"),
        wrong=[*map(str, look.findings), *map(str, look.on_its_way)],
        loose=loose(stores).since(before),
    )


def loose(stores: Stores) -> Loose:
    orders = "LEFT JOIN eshop_order.order_record o ON o.order_id"
    return Loose(
        unfinished_orders(stores),
        open_transactions(stores),
        stores.count(f"FROM eshop_pay.pay p {orders} = p.order_id WHERE {OPEN_PAYMENT} AND o.id IS NULL"),
        stores.count(
            f"FROM eshop_coupon.coupon c {orders} = c.order_id AND o.state = 'confirmed' AND o.status <> 5"
            " WHERE c.status = 2 AND c.order_id <> '' AND o.id IS NULL"
        ),
        sum(stores.miscounted(table) for table in LISTED),
    )


def placed(stores: Stores) -> int:
    """Orders that are confirmed by now."""
    return stores.count("FROM eshop_order.order_record WHERE state = 'confirmed'")


def open_transactions(stores: Stores) -> int:
    """Transactions that either DTM still works on."""
    sagas = stores.count("FROM dtm.trans_global WHERE status IN ('prepared', 'submitted', 'aborting')")
    return sagas + int(stores.redis.zcard(UNFINISHED_MESSAGES))


def unfinished_orders(stores: Stores) -> int:
    return stores.count(f"FROM eshop_order.order_record WHERE {UNFINISHED}")


def drained(stores: Stores, before: Loose) -> bool:
    """Whether all orders accepted since `before` are final: none waits in a saga, in a message or in Kafka."""
    if unfinished_orders(stores) > before.orders or open_transactions(stores) > before.transactions:
        return False
    return not stores.lag()
