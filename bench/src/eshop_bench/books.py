"""The books of a row, checked in the stores themselves: accepted = orders = payments, and three stocks that agree.

One statement answers each question for all orders of a row: a load leaves tens of thousands.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from eshop_bench.scene import Scene
from eshop_bench.stores import LISTED, UNFINISHED_MESSAGES, Stores

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
class Sale:
    """Units of one product on flash sale, as Redis counts them."""

    offered: int
    left: int
    accepted: int
    returned: int


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
    """What the stores say about the products of one row. Every order is of one unit.

    `paid_wrongly` are payments whose amount is not their order's. By product: `stocks` are MySQL's, `ledgers` the sum
    of all changes, `ordered` the units that orders took by the ledger, `live` those of live orders, `sales` Redis's.
    """

    offered: int
    orders: int
    payments: int
    paid_wrongly: int
    stocks: Mapping[int, int]
    ledgers: Mapping[int, int]
    ordered: Mapping[int, int]
    live: Mapping[int, int]
    sales: Mapping[int, Sale]
    loose: Loose


def problems(books: Books, told: Promised) -> list[str]:
    """Everything that is wrong, as sentences; none for books that are right."""
    return [*_orders(books, told), *_payments(books), *_stocks(books), *_sales(books), *_loose(books.loose)]


def _orders(books: Books, told: Promised) -> Iterator[str]:
    if not told.surely <= books.orders <= told.surely + told.perhaps:
        perhaps = f" and {told.perhaps} perhaps" if told.perhaps else ""
        yield f"{told.surely} orders were accepted{perhaps}, and there are {books.orders}"
    if told.wrong:
        yield f"{told.wrong} buyers got an answer that was not theirs"
    if books.orders > books.offered:
        yield f"{books.orders} units were sold of {books.offered}"


def _payments(books: Books) -> Iterator[str]:
    if books.payments != books.orders:
        yield f"there are {books.orders} orders and {books.payments} payments"
    if books.paid_wrongly:
        yield f"{books.paid_wrongly} payments are not of their order's amount"


def _stocks(books: Books) -> Iterator[str]:
    for product, stock in books.stocks.items():
        if (ledger := books.ledgers.get(product, 0)) != stock:
            yield f"product {product}: the ledger adds up to {ledger}, the stock is {stock}"
        ordered, live = books.ordered.get(product, 0), books.live.get(product, 0)
        if ordered != live:
            yield f"product {product}: the ledger has {ordered} units ordered, live orders have {live}"


def _sales(books: Books) -> Iterator[str]:
    for product, sale in books.sales.items():
        if sale.offered != sale.left + sale.accepted - sale.returned:
            yield f"product {product}: the sale doesn't add up: {sale}"
        if sale.left != (stock := books.stocks.get(product)):
            yield f"product {product}: {sale.left} units are left in Redis, {stock} in MySQL"


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
    mine = f"product_id IN ({','.join(str(product) for product in scene.products)})"
    paid = "FROM eshop_order.order_record o JOIN eshop_pay.pay p ON p.order_id = o.order_id"
    ledger = f"FROM eshop_stock.stock_ledger WHERE {mine}"
    return Books(
        offered=scene.offered,
        orders=stores.count(f"FROM eshop_order.order_record WHERE {mine} AND {LIVE}"),
        payments=stores.count(f"{paid} WHERE o.{mine} AND {OPEN_PAYMENT}"),
        paid_wrongly=stores.count(f"{paid} WHERE o.{mine} AND {OPEN_PAYMENT} AND p.amount <> o.amount"),
        stocks=_units(stores, "stock", f"FROM eshop_stock.stock WHERE {mine} AND deleted_at IS NULL"),
        ledgers=_units(stores, "SUM(delta)", f"{ledger} GROUP BY product_id"),
        ordered=_units(stores, "-SUM(delta)", f"{ledger} AND kind IN ('order', 'revert') GROUP BY product_id"),
        live=_units(
            stores,
            "SUM(product_count)",
            f"FROM eshop_order.order_record WHERE {mine} AND {LIVE} GROUP BY product_id",
        ),
        sales={product: sale for product in scene.products if (sale := _sale(stores.sale(product)))},
        loose=loose(stores).since(before),
    )


def _units(stores: Stores, units: str, condition: str) -> dict[int, int]:
    """Units by product."""
    return {int(product): int(count) for product, count in stores.sql(f"SELECT product_id, {units} {condition}")}


def _sale(told: Mapping[str, str]) -> Sale | None:
    if not told:
        return None
    return Sale(int(told["set"]), int(told["left"]), int(told["accepted"]), int(told["returned"]))


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
    return sagas + int(stores.redis.zcard(UNFINISHED_MESSAGES))  # pyright: ignore[reportArgumentType] - a synchronous client


def unfinished_orders(stores: Stores) -> int:
    return stores.count(f"FROM eshop_order.order_record WHERE {UNFINISHED}")


def drained(stores: Stores, before: Loose) -> bool:
    """Whether all orders accepted since `before` are final: none waits in a saga, in a message or in Kafka."""
    if unfinished_orders(stores) > before.orders or open_transactions(stores) > before.transactions:
        return False
    return not stores.lag()
