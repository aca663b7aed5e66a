"""I1, I4, I5: what live orders have is what stock, coupons and payments say, order by order.

A live order is one that is confirmed and not cancelled. What an order holds it got from one transaction; where that
has not ended, its barrier rows say what each service must hold at this moment.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from eshop_deploy.verify.findings import Finding
from eshop_deploy.verify.scope import EVERYTHING, ORDERS, Scope
from eshop_deploy.verify.sketch import Difference, Side, differences
from eshop_deploy.verify.stores import Snapshot, chunks
from eshop_deploy.verify.transactions import Progress, progress

CANCELLED = 5
LIVE = f"state = 'confirmed' AND status <> {CANCELLED}"
# Orders of a saga that somebody else submitted: its stock branch does not know the order, so the saga stands for it.
FOREIGN = "gid:"
ORDER_KEY = f"IF(suite = 1, order_id, CONCAT('{FOREIGN}', gid))"


@dataclass(frozen=True)
class Book:
    """One account of what orders hold. `service` keeps `held`; `told` words what is wrong.

    `held_by` is the condition that finds the rows of a scope among what is held.
    """

    invariant: str
    service: str
    ordered: Side
    held: Side
    held_by: Callable[[Scope], str]
    told: str


UNITS = Book(
    "I1",
    "stock",
    Side(ORDERS, ORDER_KEY, "product_id", "product_count", LIVE),
    Side(
        "eshop_stock.stock_ledger",
        f"IF(LOCATE('/', ref) = 0, ref, CONCAT('{FOREIGN}', gid))",
        "product_id",
        "-delta",
        "kind IN ('order', 'revert')",
    ),
    lambda scope: scope.by_product(),
    "is to have {want} units of product {item} by {gid}, and the ledger has {got}",
)
COUPONS = Book(
    "I4",
    "coupon",
    Side(ORDERS, ORDER_KEY, "coupon_id", "1", f"{LIVE} AND coupon_id > 0"),
    Side(
        "eshop_coupon.coupon",
        f"IF(LOCATE('/', order_id) = 0, order_id, CONCAT('{FOREIGN}', gid))",
        "id",
        "1",
        "status = 2 AND (order_id <> '' OR deleted_at IS NULL)",
    ),
    lambda scope: scope.by_order_or_gid("order_id", "gid"),
    "is to have used coupon {item} {want} times by {gid}, and has {got} times",
)
PAYMENTS = Book(
    "I5",
    "pay",
    Side(ORDERS, "order_id", "0", "amount", LIVE),
    Side("eshop_pay.pay", "order_id", "0", "amount", "status IN (1, 2) AND deleted_at IS NULL"),
    lambda scope: scope.by_order("order_id"),
    "is to have a payment over {want} by {gid}, and has one over {got}",
)
BOOKS = (UNITS, COUPONS, PAYMENTS)


@dataclass(frozen=True)
class Order:
    """An order's row. `key` is what the books call it."""

    key: str
    order_id: str
    product: int
    count: int
    amount: int
    coupon: int
    state: str
    status: int
    gid: str

    def holds(self, book: Book, item: str) -> int:
        """What a live order of this row has of an item."""
        if book is PAYMENTS:
            return self.amount
        if book is COUPONS:
            return int(str(self.coupon) == item)
        return self.count if str(self.product) == item else 0

    def live(self, known: Progress) -> bool:
        """Confirmed, or claimed by a transaction that has succeeded, which nobody has written here yet."""
        if self.status == CANCELLED:
            return False
        return self.state == "confirmed" or (self.state == "claimed" and known.succeeded(self.gid))


def wrong_orders(db: Snapshot, scope: Scope = EVERYTHING) -> Iterator[Finding]:
    """Every order of the scope that holds something else than it should."""
    for book in BOOKS:
        ordered, held = book.ordered.only(scope.by_product()), book.held.only(book.held_by(scope))
        found = list(differences(db, ordered, held))
        yield from judged(db, book, found)


def judged(db: Snapshot, book: Book, found: Collection[Difference]) -> Iterator[Finding]:
    """Of the differences those that no unfinished transaction explains."""
    keys = {difference.key for difference in found}
    orders = _orders(db, keys)
    held = _held_by_gid(db, book, found)
    gids = {order.gid for some in orders.values() for order in some} | {gid for by in held.values() for gid in by}
    known = progress(db, gids - {""})
    for difference in found:
        place = (difference.key, difference.item)
        yield from _judge(book, difference, orders.get(difference.key, []), held.get(place, {}), known)


def _judge(
    book: Book, difference: Difference, orders: list[Order], held: Mapping[str, int], known: Progress
) -> Iterator[Finding]:
    wanted: dict[str, int] = defaultdict(int)
    for order in orders:
        if order.live(known):
            wanted[order.gid] += order.holds(book, difference.item)
    for gid in dict.fromkeys([*wanted, *held, *(order.gid for order in orders)]):
        want, got = wanted.get(gid, 0), held.get(gid, 0)
        if known.unfinished(gid):
            want = _by_barrier(book, difference, orders, gid, got, known)
        if want != got:
            yield _finding(book, difference, orders, gid, want, got)


def _by_barrier(
    book: Book, difference: Difference, orders: Iterable[Order], gid: str, got: int, known: Progress
) -> int:
    """What an unfinished transaction must have brought about so far."""
    if book.service not in known.in_effect.get(gid, frozenset()):
        return 0
    return sum(order.holds(book, difference.item) for order in orders if order.gid == gid) or got


def _finding(book: Book, difference: Difference, orders: list[Order], gid: str, want: int, got: int) -> Finding:
    told = book.told.format(want=want, got=got, item=difference.item, gid=f"transaction {gid}" if gid else "nobody")
    state = "there is no such order" if not orders else f"it is {orders[0].state}"
    if book is COUPONS and not difference.key:
        told, state = "is marked as used", "no order has it"
    what, name = ("transaction", difference.key.removeprefix(FOREIGN))
    if not difference.key.startswith(FOREIGN):
        what, name = ("order", difference.key) if difference.key else ("coupon", difference.item)
    product = int(difference.item) if book is UNITS else (orders[0].product if orders else None)
    gids = tuple(dict.fromkeys([gid, *(order.gid for order in orders)]))
    return Finding(book.invariant, what, name, f"{told}; {state}", tuple(g for g in gids if g), product)


def _orders(db: Snapshot, keys: Collection[str]) -> Mapping[str, list[Order]]:
    fields = "order_id, product_id, product_count, amount, coupon_id, state, status, gid"
    sql = f"SELECT {ORDER_KEY}, {fields} FROM {ORDERS} WHERE "  # noqa: S608 - constants
    foreign = [key.removeprefix(FOREIGN) for key in keys if key.startswith(FOREIGN)]
    found: dict[str, list[Order]] = defaultdict(list)
    for row in db.among(sql + "order_id IN ({})", [key for key in keys if not key.startswith(FOREIGN)]):
        order = Order(*row)
        found[order.order_id].append(order)
    for row in db.among(sql + "suite = 0 AND gid IN ({})", foreign):
        found[row[0]].append(Order(*row))
    return found


def _held_by_gid(db: Snapshot, book: Book, found: Iterable[Difference]) -> Mapping[tuple[str, str], Mapping[str, int]]:
    """What the service holds of these keys and items, by the transaction that it came from."""
    side = book.held
    sql = (
        f"SELECT {side.key} AS k, {side.item} AS i, gid, SUM({side.amount}) AS total FROM {side.table}"  # noqa: S608
        f" WHERE {side.where} AND ({{}}) GROUP BY k, i, gid HAVING total <> 0"
    )
    held: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
    for condition, values in _lookups(book, found):
        for key, item, gid, total in db.rows(sql.format(condition), values):
            held[str(key), str(item)][gid] = int(total)
    return held


def _lookups(book: Book, found: Iterable[Difference]) -> Iterator[tuple[str, list[str]]]:
    """Conditions that find the rows of these differences through an index, with their values."""
    column = {"I1": "ref", "I4": "id", "I5": "order_id"}[book.invariant]
    names = {difference.item if book is COUPONS else difference.key for difference in found}
    foreign = {name.removeprefix(FOREIGN) for name in names if name.startswith(FOREIGN)}
    for some in chunks({name for name in names if not name.startswith(FOREIGN)}):
        yield f"{column} IN ({', '.join(['%s'] * len(some))})", some
    for some in chunks(foreign, 50):
        yield " OR ".join([f"{column} LIKE %s"] * len(some)), [f"{gid}/%" for gid in some]
