"""`eshop verify --repair`: settles what can be settled safely, through the services' own rpcs and under their barriers.

Nothing is written past a service, so every change has its ledger row, and a repair that is done twice counts once.
What is not planned here has no safe repair: it needs somebody who knows what happened.
"""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from eshop_deploy.failures import BringUpError
from eshop_deploy.verify import sales
from eshop_deploy.verify.abandoned import undo_abandoned
from eshop_deploy.verify.findings import Finding, Look
from eshop_deploy.verify.look import Books
from eshop_deploy.verify.stores import Snapshot, ask, chunks
from eshop_deploy.verify.transactions import progress, undo


@dataclass(frozen=True)
class Repair:
    """One thing to do: what, why, and how."""

    what: str
    why: str
    do: Callable[[], None]


def plan(books: Books, look: Look) -> list[Repair]:
    """What can be done about a look. Sales are left alone while anything is on its way: they may heal by themselves."""
    always = [
        *_not_undone(books, look.findings),
        *_abandoned(books, look.findings),
        *_free_coupons(books, look.findings),
    ]
    return always + (list(_of_sales(books, look)) if _quiet(look) else [])


def _quiet(look: Look) -> bool:
    return all(way.what == sales.BEING_SET for way in look.on_its_way)


def _of_sales(books: Books, look: Look) -> Iterator[Repair]:
    now = Snapshot(books.mysql)
    read = sales.read_sales(now, books.redis, sales.products_on_sale(now))
    wrong = {f.product for f in look.findings if f.invariant == "I2" and f.product is not None}
    yield from _lost_units(books, [f for f in look.findings if f.product not in wrong], read)
    yield from (_set_again(books, product) for product in sorted(wrong))
    yield from _settlements(books, now, read)


def _not_undone(books: Books, findings: Iterable[Finding]) -> Iterator[Repair]:
    """A failed transaction with a branch that was not undone: the undo is called once more, as DTM called it."""
    for finding in findings:
        if (finding.invariant, finding.what) == ("I6", "transaction"):
            what = f"call the undo branches of transaction {finding.name} again"
            yield Repair(what, finding.text, lambda gid=finding.name: undo(Snapshot(books.mysql), gid))


def _abandoned(books: Books, findings: Iterable[Finding]) -> Iterator[Repair]:
    """Orders that a transaction claimed of which DTM knows nothing: what it did is undone, and they are placed anew."""
    stuck = [f for f in findings if (f.invariant, f.what) == ("I6", "order") and f.gids]
    now = Snapshot(books.mysql)
    known = progress(now, {finding.gids[0] for finding in stuck}).status
    for gid in dict.fromkeys(finding.gids[0] for finding in stuck):
        if gid not in known:
            yield Repair(
                f"undo what transaction {gid} did, so that its orders are placed again",
                "DTM does not know it, so nobody ends it",
                lambda gid=gid: undo_abandoned(books.settings, now, gid),
            )


def _free_coupons(books: Books, findings: Iterable[Finding]) -> Iterator[Repair]:
    """Coupons that are marked as used though no order has them, as earlier releases let clients create them."""
    for finding in findings:
        if (finding.invariant, finding.what) == ("I4", "coupon"):
            yield Repair(
                f"set coupon {finding.name} free",
                finding.text,
                lambda path=f"/api/v1/coupon/{finding.name}": _call(books, "coupon_http", "PUT", path, {"status": 1}),
            )


def _lost_units(books: Books, findings: Iterable[Finding], read: sales.SalesRead) -> Iterator[Repair]:
    """Units that left Redis and became no order go back for sale: MySQL has them still."""
    listed = {ref for sale in read.sales for ref in sale.unsettled}
    for finding in findings:
        if finding.invariant == "I3" and finding.name in listed:
            units = [{"orderID": finding.name, "productID": finding.product, "resell": True}]
            yield Repair(
                f"put the units of {finding.name} back for sale",
                finding.text,
                lambda units=units: _settle(books, units),
            )


def _settlements(books: Books, now: Snapshot, read: sales.SalesRead) -> Iterator[Repair]:
    """Units that are sold for good, and of which the sale was not told: harmless, but looked up at each setting."""
    booked = sales.booked(now, [ref for sale in read.sales for ref in sale.unsettled])
    sql = "SELECT order_id FROM eshop_order.order_record WHERE state = 'confirmed' AND order_id IN ({})"
    confirmed = {row[0] for row in now.among(sql, list(booked))}
    by_product: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for sale in read.sales:
        for ref in sale.unsettled.keys() & confirmed:
            by_product[sale.product].append({"orderID": ref, "productID": sale.product, "resell": False})
    for product, units in by_product.items():
        yield Repair(
            f"settle {len(units)} units of product {product} as sold",
            "their orders are confirmed, and the sale still lists them",
            lambda units=units: _settle(books, units),
        )


def _settle(books: Books, units: list[dict[str, Any]]) -> None:
    for some in chunks(units):
        _call(books, "flash_sale_http", "POST", "/api/v1/flashSale/settle", {"units": some})


def _set_again(books: Books, product: int) -> Repair:
    return Repair(
        f"set the flash sale of product {product} to what MySQL has",
        "Redis and MySQL disagree, and MySQL keeps the books",
        lambda: _set_sale(books, product),
    )


def _set_sale(books: Books, product: int) -> None:
    """Closes the sale before MySQL is read: nobody takes a unit between the reading and the setting."""
    token = secrets.token_hex(8)
    closing = {"productID": product, "token": token}
    _call(books, "flash_sale_http", "POST", "/api/v1/flashSale/close", closing)
    try:
        if not _quiet(look := books.look()):
            raise BringUpError(f"product {product}: {look.on_its_way[0]}", "Try again when all is at rest")
        [(stock, limit)] = Snapshot(books.mysql).rows(
            "SELECT stock, flash_limit FROM eshop_stock.stock WHERE product_id = %s AND deleted_at IS NULL", [product]
        )
        body = {"productID": product, "stock": stock, "perUserLimit": limit}
        _call(books, "stock_http", "POST", "/api/v1/stock/setFlashSale", body)
    except BringUpError:
        _call(books, "flash_sale_http", "POST", "/api/v1/flashSale/open", closing | {"version": 0, "stock": 0})
        raise


def _call(books: Books, port: str, method: str, path: str, body: object = None) -> None:
    ask(books.settings, port, method, path, body)
