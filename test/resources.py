"""The six resources that are kept in tables: how a test makes one, and what may be changed about it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import fresh
from patience import eventually
from transports import Branch, Transport

Fields = dict[str, Any]


@dataclass(frozen=True)
class Made:
    """A row: its id, the fields it must be read back with, and the branch that made it, where one did."""

    id: int
    fields: Fields
    branch: Branch | None = None


@dataclass(frozen=True)
class Resource:
    """`name` is the service and the key of one row in replies, `rows` the key of a list.

    `change` is an update that is allowed; `retire` brings a row to where it may be deleted.
    """

    name: str
    rows: str
    table: str
    make: Callable[[Transport], Awaitable[Made]]
    change: Fields
    retire: Callable[[Transport, Made], Awaitable[None]]

    async def get(self, on: Transport, row_id: int) -> Fields:
        return (await on(self.name, "GetByID", id=row_id))[self.name]

    async def list(self, on: Transport, **params: Any) -> list[Fields]:
        return (await on(self.name, "List", params={"limit": 1000, **params}))[self.rows]

    def __str__(self) -> str:
        return self.name


async def _user(on: Transport) -> Made:
    fields = {
        "name": "Ada Lovelace",
        "email": fresh.email(),
        "phone": "+4915112345678",
        "avatar": "https://example.com/ada.png",
        "age": 36,
        "gender": 2,
    }
    set_by_the_server = {"status": 1, "loginAt": 1_700_000_000, "loginType": 4}
    made = await on("user", "Create", **fields, **set_by_the_server, password="secret of the engine")
    return Made(made["id"], {**fields, **dict.fromkeys(set_by_the_server, 0), "password": ""})


async def _product(on: Transport) -> Made:
    fields = {"name": "茶壶 ☕", "price": 1999, "photo": "https://example.com/pot.png", "description": "Holds a litre."}
    return Made((await on("product", "Create", **fields))["id"], fields)


async def _stock(on: Transport) -> Made:
    fields = {"productID": fresh.product_id(), "stock": 100}
    return Made((await on("stock", "Create", **fields))["id"], fields)


async def _coupon(on: Transport) -> Made:
    fields = {"userID": fresh.user_id(), "amount": 50, "status": 1}
    return Made((await on("coupon", "Create", **fields))["id"], fields)


async def _pay(on: Transport) -> Made:
    fields = {"userID": fresh.user_id(), "orderID": fresh.order_id(), "amount": 700}
    branch = Branch(fresh.gid())
    made = await on("pay", "Create", branch, **fields)
    return Made(made["id"], {**fields, "status": 1}, branch)


async def _order(on: Transport) -> Made:
    stock = await _stock(on)
    fields = {"userID": fresh.user_id(), "productID": stock.fields["productID"], "productCount": 2, "amount": 500}
    placed = await on("order", "Submit", **fields)

    async def order() -> Fields | None:
        outcome = await on("order", "GetOutcome", orderID=placed["orderID"])
        return outcome["order"] if outcome["status"] == "confirmed" else None

    row = await eventually(order)
    return Made(row["id"], {**fields, "orderID": placed["orderID"], "couponID": 0, "status": 1})


async def _at_once(_on: Transport, _made: Made) -> None:
    """May be deleted as it is."""


async def _finish_order(on: Transport, made: Made) -> None:
    for status in (2, 3, 4):
        await on("order", "UpdateByID", id=made.id, status=status)


async def _revert_payment(on: Transport, made: Made) -> None:
    assert made.branch
    fields = {name: made.fields[name] for name in ("userID", "orderID", "amount")}
    await on("pay", "CreateRevert", made.branch.undo(), **fields)


RESOURCES = [
    Resource("user", "users", "eshop_user.user", _user, {"phone": "+4917600000000"}, _at_once),
    Resource("product", "products", "eshop_product.product", _product, {"price": 2499}, _at_once),
    Resource("stock", "stocks", "eshop_stock.stock", _stock, {"stock": 7}, _at_once),
    Resource("coupon", "coupons", "eshop_coupon.coupon", _coupon, {"amount": 75}, _at_once),
    Resource("order", "orders", "eshop_order.order_record", _order, {"status": 2}, _finish_order),
    Resource("pay", "pays", "eshop_pay.pay", _pay, {"status": 2}, _revert_payment),
]
