"""The books of one product, checked in the stores themselves.

I1 the ledger adds up to the stock, and its orders to the live orders.
I2 the flash sale: set = left + accepted - returned, and left is MySQL's stock.
I3 an accepted order is there once.
I4 a coupon is used exactly where a live order has it.
I5 a live order has one payment of its amount, any other order none.
I6 every transaction has ended.

A live order is one that is confirmed and not cancelled. Everything is looked at when it has come to rest.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
from databases import Databases, Row
from patience import eventually

CANCELLED = 5
USED = 2
IN_ORDERS = "kind IN ('order', 'revert')"


@dataclass(frozen=True)
class _Orders:
    live: list[Row]
    dead: list[Row]
    unfinished: list[Row]

    @property
    def all(self) -> list[Row]:
        return self.live + self.dead + self.unfinished


class Books:
    """Checks what the services wrote."""

    def __init__(self, db: Databases, dtm: httpx.Client) -> None:
        self._db = db
        self._dtm = dtm

    async def balance(
        self, product: int, *, sold: int | None = None, accepted: Collection[str] = (), within: float = 10.0
    ) -> None:
        """Waits until the product's books are at rest, and asserts that nothing is wrong with them.

        `sold` is how many units live orders must have; `accepted` names orders that must be live.
        """
        problems: list[str] = []

        def agree() -> bool:
            problems[:] = self.problems(product, sold, accepted)
            return not problems

        try:
            await eventually(agree, within=within, every=0.1)
        except AssertionError:
            raise AssertionError("\n".join(problems)) from None

    def problems(self, product: int, sold: int | None, accepted: Collection[str]) -> list[str]:
        """Every violated invariant, as a sentence that names the order or transaction."""
        orders = self._orders(product)
        return [
            *self._unfinished(orders),
            *self._ledger(product, orders),
            *self._sale(product),
            *self._accepted(orders, accepted),
            *(problem for order in orders.live for problem in self._live_order(order)),
            *(problem for order in orders.dead for problem in self._dead_order(order)),
            *self._transactions(product, orders),
            *self._sold(orders, sold),
        ]

    def _orders(self, product: int) -> _Orders:
        found = _Orders([], [], [])
        for order in self._db.orders(product):
            state = order["state"]
            if state == "claimed" and self._status(order["gid"]) == "succeed":
                state = "confirmed"
            if state == "reverted" and not order["suite"]:
                state = "cancelled"
            if state == "confirmed" and order["status"] != CANCELLED:
                found.live.append(order)
            elif state in ("confirmed", "cancelled"):
                found.dead.append(order)
            else:
                found.unfinished.append(order)
        return found

    def _unfinished(self, orders: _Orders) -> Iterator[str]:
        for order in orders.unfinished:
            yield f"order {order['order_id']} is still {order['state']} in {order['gid']}"

    def _ledger(self, product: int, orders: _Orders) -> Iterator[str]:
        stock = self._db.stock(product) or 0
        total = self._sum("product_id = %s", product)
        if total != stock:
            yield f"I1 the ledger adds up to {total}, the stock is {stock}"
        ordered = -self._sum(f"product_id = %s AND {IN_ORDERS}", product)
        live = sum(order["product_count"] for order in orders.live)
        if ordered != live:
            yield f"I1 the ledger has {ordered} units ordered, live orders have {live}"
        for order in orders.dead:
            if units := self._sum(f"ref = %s AND {IN_ORDERS}", order["order_id"]):
                yield f"I1 order {order['order_id']} was given up and still holds {-units} units"

    def _sum(self, condition: str, value: object) -> int:
        sql = f"SELECT COALESCE(SUM(delta), 0) AS units FROM eshop_stock.stock_ledger WHERE {condition}"  # noqa: S608
        return int(self._db.value(sql, value))

    def _sale(self, product: int) -> Iterator[str]:
        sale: Any = self._db.redis.hgetall(f"flash:{{{product}}}:sale")
        if not sale:
            return
        if sale["state"] != "open":
            yield f"I2 the sale is {sale['state']}"
            return
        units = {name: int(sale[name]) for name in ("set", "left", "accepted", "returned")}
        if units["set"] != units["left"] + units["accepted"] - units["returned"]:
            yield f"I2 the sale doesn't add up: {units}"
        if units["left"] != (stock := self._db.stock(product)):
            yield f"I2 the sale has {units['left']} units left, MySQL {stock}"

    def _accepted(self, orders: _Orders, accepted: Collection[str]) -> Iterator[str]:
        live = [order["order_id"] for order in orders.live]
        for order_id in accepted:
            if live.count(order_id) != 1:
                yield f"I3 {order_id} was accepted, and there are {live.count(order_id)} such orders"

    def _live_order(self, order: Row) -> Iterator[str]:
        amounts = [payment["amount"] for payment in self._db.live_payments(order["order_id"])]
        if amounts != [order["amount"]]:
            yield f"I5 order {order['order_id']} over {order['amount']} has payments over {amounts}"
        if order["coupon_id"]:
            coupon = self._db.coupon(order["coupon_id"])
            if (coupon["status"], coupon["order_id"]) != (USED, order["order_id"]):
                yield f"I4 order {order['order_id']} has coupon {coupon}"

    def _dead_order(self, order: Row) -> Iterator[str]:
        if self._db.live_payments(order["order_id"]):
            yield f"I5 order {order['order_id']} was given up and has a payment"
        if self._db.rows("SELECT id FROM eshop_coupon.coupon WHERE order_id = %s", order["order_id"]):
            yield f"I4 order {order['order_id']} was given up and has a coupon"

    def _transactions(self, product: int, orders: _Orders) -> Iterator[str]:
        ledger = self._db.rows("SELECT DISTINCT gid FROM eshop_stock.stock_ledger WHERE product_id = %s", product)
        for gid in {row["gid"] for row in ledger} | {order["gid"] for order in orders.all}:
            if gid and self._status(gid) not in ("succeed", "failed"):
                yield f"I6 transaction {gid} is {self._status(gid)}"

    def _sold(self, orders: _Orders, sold: int | None) -> Iterator[str]:
        units = sum(order["product_count"] for order in orders.live)
        if sold is not None and units != sold:
            yield f"live orders have {units} units, not {sold}"

    def _status(self, gid: str) -> str:
        """DTM's word for where a transaction stands; "" where it has no such gid."""
        found = self._dtm.get("/api/dtmsvr/query", params={"gid": gid}).json()["transaction"]
        return found["status"] if found else ""
