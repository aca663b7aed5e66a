"""I2 and I8: the flash sales in Redis add up, agree with MySQL, and keep their limits per user.

Redis is read just before the snapshot of MySQL. What happened in between can be told from the ledger: units that Redis
gave away after it was read and MySQL has booked already are rows that are newer than the reading, of orders that the
reading does not list. So the two can be compared while the shop is busy:

    MySQL's stock = left in Redis + units listed there that MySQL has not booked - units booked since
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import cast

import redis

from eshop_deploy.verify.findings import Finding, OnItsWay
from eshop_deploy.verify.scope import EVERYTHING, Scope
from eshop_deploy.verify.stores import Snapshot, chunks

COUNTERS = ("set", "left", "accepted", "returned")
SALES_AT_ONCE = 100
BEING_SET = "flash sales being set"


@dataclass(frozen=True)
class Unit:
    """Units that were taken and are not known to be sold or given back."""

    ref: str
    count: int
    user: str
    version: str


@dataclass(frozen=True)
class Sale:
    """One product's sale as Redis had it at one moment; `row` is empty where it has none."""

    product: int
    row: Mapping[str, str]
    unsettled: Mapping[str, Unit]

    def number(self, name: str) -> int:
        return int(self.row.get(name) or 0)


@dataclass(frozen=True)
class SalesRead:
    """All sales, and the newest row of the ledger before they were read."""

    sales: list[Sale]
    newest_booked: int


def products_on_sale(db: Snapshot, scope: Scope = EVERYTHING) -> list[int]:
    """Products that MySQL knows to be, or to have been, on flash sale."""
    rows = db.rows(
        "SELECT DISTINCT product_id FROM eshop_stock.stock"  # noqa: S608 - constants
        f" WHERE flash_version > 0 AND {scope.by_product()} ORDER BY product_id"
    )
    return [row[0] for row in rows]


def read_sales(db: Snapshot, link: redis.Redis, products: Collection[int]) -> SalesRead:
    """Reads the sales; `db` must not be a snapshot yet."""
    newest = db.number("SELECT MAX(id) FROM eshop_stock.stock_ledger")
    sales: list[Sale] = []
    for some in chunks(products, SALES_AT_ONCE):
        pipe = link.pipeline(transaction=True)
        for product in some:
            pipe.hgetall(_key(product))
            pipe.hgetall(f"flash:{{{product}}}:unsettled")
        answers = cast("list[dict[str, str]]", pipe.execute())
        sales += [_sale(*three) for three in zip(some, answers[::2], answers[1::2], strict=True)]
    return SalesRead(sales, newest)


def _key(product: int) -> str:
    return f"flash:{{{product}}}:sale"


def _sale(product: int, row: Mapping[str, str], taken: Mapping[str, str]) -> Sale:
    units = {ref: Unit(ref, *_fields(text)) for ref, text in taken.items()}
    return Sale(product, row, units)


def _fields(text: str) -> tuple[int, str, str]:
    count, user, version = text.split(":")
    return int(count), user, version


def booked(db: Snapshot, refs: Iterable[str]) -> set[str]:
    """Those of these orders whose units MySQL has deducted."""
    sql = "SELECT ref FROM eshop_stock.stock_ledger WHERE ref IN ({}) GROUP BY ref HAVING SUM(delta) < 0"
    return {row[0] for row in db.among(sql, list(refs))}


@dataclass(frozen=True)
class _Stock:
    stock: int
    version: int
    is_open: bool


class SaleBooks:
    """Compares the sales with MySQL. `db` must be a snapshot that was taken after `read`."""

    def __init__(self, db: Snapshot, read: SalesRead, link: redis.Redis) -> None:
        self._db = db
        self._redis = link
        self._read = read
        products = [sale.product for sale in read.sales]
        sql = (
            "SELECT product_id, CAST(stock AS SIGNED), flash_version, flash_open FROM eshop_stock.stock"
            " WHERE product_id IN ({}) AND deleted_at IS NULL"
        )
        self._stocks = {row[0]: _Stock(row[1], row[2], row[3] == 1) for row in db.among(sql, products)}
        self._booked = booked(db, (ref for sale in read.sales for ref in sale.unsettled))
        self._booked_since = self._newer(set(products))

    def wrong(self) -> Iterator[Finding]:
        """Sales that do not add up, or do not agree with MySQL."""
        for sale in self._read.sales:
            yield from _adds_up(sale)
            stock = self._stocks.get(sale.product)
            if stock is not None and stock.version > 0:
                yield from self._agrees(sale, stock)

    def on_their_way(self) -> list[OnItsWay]:
        """Sales that are being set at this moment."""
        being_set = [s for s in self._read.sales if s.row.get("state") == "closed"]
        return [OnItsWay(BEING_SET, len(being_set), f"product {s.product}") for s in being_set[:1]]

    def unbooked(self) -> list[OnItsWay]:
        """Units that Redis gave away and MySQL has not booked: their orders are not placed yet."""
        found = self.not_booked()
        return [OnItsWay("units that are not booked yet", len(found), unit.ref) for _, unit in found[:1]]

    def not_booked(self) -> list[tuple[Sale, Unit]]:
        """Units that Redis gave away and MySQL has not booked."""
        return [(s, unit) for s in self._read.sales for unit in s.unsettled.values() if unit.ref not in self._booked]

    def _agrees(self, sale: Sale, stock: _Stock) -> Iterator[Finding]:
        if not sale.row:
            yield _finding(sale, f"MySQL has a flash sale with {stock.stock} units, Redis has none")
        elif sale.row.get("state") == "open" and sale.row.get("version") == str(stock.version):
            yield from self._same_units(sale, stock)
        elif stock.is_open:
            yield from self._same_version(sale, stock)

    def _same_units(self, sale: Sale, stock: _Stock) -> Iterator[Finding]:
        pending = sum(unit.count for unit in sale.unsettled.values() if unit.ref not in self._booked)
        most = sale.number("left") + pending
        since = self._booked_since.get(sale.product, {})
        least = most - sum(count for ref, count in since.items() if ref not in sale.unsettled)
        if not least <= stock.stock <= most:
            told = f"{sale.number('left')} units left in Redis and {pending} not booked yet; MySQL has {stock.stock}"
            yield _finding(sale, told)

    def _same_version(self, sale: Sale, stock: _Stock) -> Iterator[Finding]:
        """A sale that MySQL has for open was opened in Redis before; it may have been set since it was read."""
        state, version = cast("list[str | None]", self._redis.hmget(_key(sale.product), ["state", "version"]))
        if int(version or 0) < stock.version:
            yield _finding(sale, f"Redis sells version {version}, MySQL version {stock.version}")
        elif state == "closed" and version == str(stock.version):
            yield _finding(sale, "it is closed in Redis and open in MySQL, so nobody opens it again")

    def _newer(self, products: set[int]) -> Mapping[int, Mapping[str, int]]:
        """Units booked after the sales were read, by product and order, as far as they still are."""
        sql = "SELECT product_id, ref, delta FROM eshop_stock.stock_ledger WHERE id > %s AND kind = 'order'"
        found: dict[int, dict[str, int]] = {}
        for product, ref, delta in self._db.rows(sql, [self._read.newest_booked]):
            if product in products:
                of_product = found.setdefault(product, {})
                of_product[ref] = max(of_product.get(ref, 0), -int(delta))
        return found


def _adds_up(sale: Sale) -> Iterator[Finding]:
    if sale.row.get("set") is None:
        return
    units = {name: sale.number(name) for name in COUNTERS}
    if units["set"] != units["left"] + units["accepted"] - units["returned"]:
        yield _finding(sale, "it doesn't add up: " + ", ".join(f"{name} {n}" for name, n in units.items()))
    if units["left"] < 0:
        yield _finding(sale, f"{units['left']} units are left")


def _finding(sale: Sale, text: str) -> Finding:
    return Finding("I2", "product", str(sale.product), text, product=sale.product)


def beyond_limits(link: redis.Redis, sales: Iterable[Sale]) -> Iterator[Finding]:
    """I8: buyers with more units than the sale allows, or whose units the sale has lost count of."""
    for sale in sales:
        limit = sale.number("limit")
        if limit <= 0:
            continue
        for user, count in _counts(link, sale.product):
            if int(count) > limit:
                told = f"user {user} has {count} units of product {sale.product}, and {limit} are allowed"
                yield Finding("I8", "user", user, told, product=sale.product)
        yield from _forgotten(link, sale)


def _counts(link: redis.Redis, product: int) -> Iterator[tuple[str, str]]:
    yield from cast("Iterator[tuple[str, str]]", link.hscan_iter(f"flash:{{{product}}}:users", count=1_000))


def _forgotten(link: redis.Redis, sale: Sale) -> Iterator[Finding]:
    listed: dict[str, int] = {}
    for unit in sale.unsettled.values():
        if unit.version == sale.row.get("version") and unit.user != "0":
            listed[unit.user] = listed.get(unit.user, 0) + unit.count
    for some in chunks(list(listed)):
        counts = cast("list[str | None]", link.hmget(f"flash:{{{sale.product}}}:users", some))
        for user, count in zip(some, counts, strict=True):
            if int(count or 0) < listed[user]:
                told = f"user {user} took {listed[user]} units of product {sale.product}, and {count or 0} are counted"
                yield Finding("I8", "user", user, told, product=sale.product)
