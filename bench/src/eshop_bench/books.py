"""The books of a row, checked in the stores themselves: accepted = orders = payments, and three stocks that agree.

One statement answers each question for all orders of a row: a load leaves tens of thousands.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from eshop_bench.scene import Scene
from eshop_bench.stores import UNFINISHED_MESSAGES, Stores

SETTLE_SECONDS = 10.0
LIVE = "state = 'confirmed' AND status <> 5"


@dataclass(frozen=True)
class Promised:
    """What buyers were told: this many have an order for sure, and this many more may have one."""

    surely: int
    perhaps: int = 0


def promised(answers: Mapping[str, int], sold_before: int) -> Promised:
    """A running order is open. So is one whose answer never came or was a failure."""
    surely = sum(answers.get(kind, 0) for kind in ("accepted", "confirmed"))
    perhaps = sum(answers.get(kind, 0) for kind in ("running", "busy", "failures"))
    return Promised(surely + sold_before, perhaps)


@dataclass(frozen=True)
class Books:
    """What the stores say about the products of one row; all in units, which are orders: each load buys single units.

    `sales` is (set, left, accepted, returned) of the products on flash sale, `stocks` MySQL's stock, `ledgers` the
    ledger's sum and `ordered` the units its orders took, all by product.
    """

    offered: int
    orders: int
    unfinished: int
    payments: int
    paid_wrongly: int
    stocks: Mapping[int, int]
    ledgers: Mapping[int, int]
    ordered: Mapping[int, int]
    live: Mapping[int, int]
    sales: Mapping[int, tuple[int, int, int, int]]
    transactions: int


def problems(books: Books, told: Promised) -> list[str]:
    """Everything that is wrong, as sentences; none for books that are right."""
    return [*_orders(books, told), *_payments(books), *_stocks(books), *_sales(books)]


def _orders(books: Books, told: Promised) -> Iterator[str]:
    if not told.surely <= books.orders <= told.surely + told.perhaps:
        perhaps = f" and {told.perhaps} perhaps" if told.perhaps else ""
        yield f"{told.surely} orders were accepted{perhaps}, and there are {books.orders}"
    if books.unfinished:
        yield f"{books.unfinished} orders are not final"
    if books.transactions:
        yield f"{books.transactions} transactions have not ended"
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
    for product, (offered, left, accepted, returned) in books.sales.items():
        if offered != left + accepted - returned:
            units = f"{offered} set, {left} left, {accepted} accepted, {returned} returned"
            yield f"product {product}: the sale does not add up: {units}"
        if left != books.stocks.get(product):
            yield f"product {product}: {left} units left in Redis, {books.stocks.get(product)} in MySQL"


def settled_problems(stores: Stores, scene: Scene, told: Promised) -> list[str]:
    """Waits a moment for what is bound to come to rest, and returns what is wrong then."""
    end = time.monotonic() + SETTLE_SECONDS
    while found := problems(read_books(stores, scene), told):
        if time.monotonic() > end:
            return found
        time.sleep(0.2)
    return []


def read_books(stores: Stores, scene: Scene) -> Books:
    ids = ",".join(str(product) for product in scene.products)
    of_products = f"product_id IN ({ids})"
    orders = f"SELECT order_id, amount FROM eshop_order.order_record WHERE {of_products} AND {LIVE}"
    joined = f"FROM ({orders}) o JOIN eshop_pay.pay p ON p.order_id = o.order_id"
    good = "p.status IN (1, 2) AND p.deleted_at IS NULL"
    return Books(
        offered=scene.offered,
        orders=int(stores.value(f"SELECT COUNT(*) FROM ({orders}) o")),
        unfinished=unfinished(stores),
        payments=_payments_of(stores, joined, good),
        paid_wrongly=int(stores.value(f"SELECT COUNT(*) {joined} WHERE {good} AND p.amount <> o.amount")),
        stocks=_by_product(stores, f"SELECT product_id, stock FROM eshop_stock.stock WHERE {of_products}"),
        ledgers=_by_product(stores, _ledger("SUM(delta)", of_products)),
        ordered=_by_product(stores, _ledger("-SUM(delta)", f"{of_products} AND kind IN ('order', 'revert')")),
        live=_by_product(
            stores,
            f"SELECT product_id, SUM(product_count) FROM eshop_order.order_record WHERE {of_products} AND {LIVE}"
            " GROUP BY product_id",
        ),
        sales=_sales_of(stores, scene.products),
        transactions=open_transactions(stores),
    )


def _payments_of(stores: Stores, joined: str, good: str) -> int:
    """Payments of the live orders, and those that belong to no live order of any product."""
    orphans = (
        "SELECT COUNT(*) FROM eshop_pay.pay p LEFT JOIN eshop_order.order_record o"
        f" ON o.order_id = p.order_id AND {LIVE.replace('state', 'o.state').replace('status', 'o.status')}"
        f" WHERE {good} AND o.id IS NULL"
    )
    return int(stores.value(f"SELECT COUNT(*) {joined} WHERE {good}")) + int(stores.value(orphans))


def _ledger(sum_of: str, condition: str) -> str:
    return f"SELECT product_id, {sum_of} FROM eshop_stock.stock_ledger WHERE {condition} GROUP BY product_id"


def _by_product(stores: Stores, statement: str) -> dict[int, int]:
    return {int(product): int(units) for product, units in stores.sql(statement)}


def _sales_of(stores: Stores, products: tuple[int, ...]) -> dict[int, tuple[int, int, int, int]]:
    found: dict[int, tuple[int, int, int, int]] = {}
    for product in products:
        if sale := stores.sale(product):
            found[product] = (int(sale["set"]), int(sale["left"]), int(sale["accepted"]), int(sale["returned"]))
    return found


def placed(stores: Stores) -> int:
    """Orders that are confirmed by now."""
    return int(stores.value("SELECT COUNT(*) FROM eshop_order.order_record WHERE state = 'confirmed'"))


def unfinished(stores: Stores) -> int:
    """Orders that are neither confirmed nor cancelled; reverted ones are on their way to another saga."""
    states = "state IN ('placing', 'claimed', 'reverted')"
    return int(stores.value(f"SELECT COUNT(*) FROM eshop_order.order_record WHERE {states}"))


def open_transactions(stores: Stores) -> int:
    """Transactions that either DTM still works on."""
    sagas = "SELECT COUNT(*) FROM dtm.trans_global WHERE status IN ('prepared', 'submitted', 'aborting')"
    return int(stores.value(sagas)) + int(stores.redis.zcard(UNFINISHED_MESSAGES))  # pyright: ignore[reportArgumentType] - a synchronous client


def drained(stores: Stores) -> bool:
    """Whether every order that was accepted is final: nothing waits in Kafka, in a saga or in a message."""
    return not (unfinished(stores) or open_transactions(stores) or stores.lag())
