"""The branch rpcs in pairs: each action with its undo, sound and broken fields, and a look at what they did."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import fresh
from databases import Databases
from transports import Branch, Transport

Fields = dict[str, Any]


@dataclass(frozen=True)
class Pair:
    """An action, its undo, and a look at what they did: `idle` before and after, `done` in between."""

    action: str
    undo: str
    fields: Callable[[Transport], Awaitable[Fields]]
    look: Callable[[Databases, Fields], Any]
    idle: Any
    done: Any
    broken: Fields

    def __str__(self) -> str:
        return self.action

    async def act(self, on: Transport, branch: Branch | None, fields: Fields) -> Fields:
        return await on(*self.action.split("."), branch, **fields)  # type: ignore[call-arg]

    async def take_back(self, on: Transport, branch: Branch | None, fields: Fields) -> Fields:
        return await on(*self.undo.split("."), branch and branch.undo(), **fields)  # type: ignore[call-arg]


async def _units(on: Transport) -> Fields:
    product = fresh.product_id()
    await on("stock", "Create", productID=product, stock=10)
    return {"productID": product, "productCount": 3}


async def _items(on: Transport) -> Fields:
    return {"items": [{**await _units(on), "orderID": fresh.order_id()}]}


async def _coupon(on: Transport) -> Fields:
    user = fresh.user_id()
    made = await on("coupon", "Create", userID=user, amount=50)
    return {"couponID": made["id"], "userID": user, "orderID": fresh.order_id()}


async def _coupons(on: Transport) -> Fields:
    return {"coupons": [await _coupon(on)]}


async def _payment(_on: Transport) -> Fields:
    return {"userID": fresh.user_id(), "orderID": fresh.order_id(), "amount": 100}


async def _payments(on: Transport) -> Fields:
    return {"payments": [await _payment(on)]}


async def _order(on: Transport) -> Fields:
    return {**await _payment(on), "productID": fresh.product_id(), "productCount": 1, "couponID": 0}


async def _orders(on: Transport) -> Fields:
    return {"orders": [await _order(on)]}


def other_than(fields: Fields) -> Fields:
    """A payload of the same shape, whose ids are others and whose numbers are large."""
    return {name: _other(value) for name, value in fields.items()}


def _other(value: Any) -> Any:
    if isinstance(value, list):
        return [other_than(item) for item in value]
    return fresh.order_id() if isinstance(value, str) else 1_000_000


def _claimed(db: Databases, order_id: str) -> int:
    sql = "SELECT COUNT(*) AS n FROM eshop_order.order_record WHERE order_id = %s AND state = 'claimed'"
    return db.value(sql, order_id)


def _payments_of(db: Databases, fields: Fields) -> int:
    return len(db.live_payments(fields["orderID"]))


PAIRS = [
    Pair(
        "stock.StockDeduct",
        "stock.StockDeductRevert",
        _units,
        lambda db, f: db.stock(f["productID"]),
        idle=10,
        done=7,
        broken={"productCount": 0},
    ),
    Pair(
        "stock.DeductMany",
        "stock.DeductManyRevert",
        _items,
        lambda db, f: db.stock(f["items"][0]["productID"]),
        idle=10,
        done=7,
        broken={"items": []},
    ),
    Pair(
        "coupon.CouponUse",
        "coupon.CouponUseRevert",
        _coupon,
        lambda db, f: db.coupon(f["couponID"])["status"],
        idle=1,
        done=2,
        broken={"couponID": 0},
    ),
    Pair(
        "coupon.UseMany",
        "coupon.UseManyRevert",
        _coupons,
        lambda db, f: db.coupon(f["coupons"][0]["couponID"])["status"],
        idle=1,
        done=2,
        broken={"coupons": []},
    ),
    Pair("pay.Create", "pay.CreateRevert", _payment, _payments_of, idle=0, done=1, broken={"orderID": "short"}),
    Pair(
        "pay.CreateMany",
        "pay.CreateManyRevert",
        _payments,
        lambda db, f: _payments_of(db, f["payments"][0]),
        idle=0,
        done=1,
        broken={"payments": []},
    ),
    Pair(
        "order.Create",
        "order.CreateRevert",
        _order,
        lambda db, f: _claimed(db, f["orderID"]),
        idle=0,
        done=1,
        broken={"amount": 0},
    ),
    Pair(
        "order.CreateMany",
        "order.CreateManyRevert",
        _orders,
        lambda db, f: _claimed(db, f["orders"][0]["orderID"]),
        idle=0,
        done=1,
        broken={"orders": []},
    ),
]
