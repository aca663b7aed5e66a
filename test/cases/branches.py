"""Cases of the branch rpcs: each action, and each undo after its action."""

from typing import Any

import fresh
from cases.table import case
from databases import Databases
from transports import Branch, Transport, failing


async def _stocked(on: Transport, units: int = 10) -> int:
    product = fresh.product_id()
    await on("stock", "Create", productID=product, stock=units)
    return product


async def _couponed(on: Transport) -> tuple[int, int]:
    user = fresh.user_id()
    return user, (await on("coupon", "Create", userID=user, amount=50))["id"]


def _an_order() -> dict[str, Any]:
    ids = {"userID": fresh.user_id(), "productID": fresh.product_id()}
    return {"orderID": fresh.order_id(), **ids, "productCount": 1, "amount": 100, "couponID": 0}


def _state(db: Databases, order_id: str) -> str:
    return db.value("SELECT state FROM eshop_order.order_record WHERE order_id = %s", order_id)


@case("stock.StockDeduct")
async def _(on: Transport, db: Databases) -> None:
    product = await _stocked(on)
    await on("stock", "StockDeduct", Branch(fresh.gid()), productID=product, productCount=3)
    assert db.stock(product) == 7


@case("stock.StockDeductRevert")
async def _(on: Transport, db: Databases) -> None:
    product, branch = await _stocked(on), Branch(fresh.gid())
    await on("stock", "StockDeduct", branch, productID=product, productCount=3)
    await on("stock", "StockDeductRevert", branch.undo(), productID=product, productCount=3)
    assert db.stock(product) == 10


@case("stock.DeductMany")
async def _(on: Transport, db: Databases) -> None:
    items = await _items(on)
    await on("stock", "DeductMany", Branch(fresh.gid()), items=items)
    assert [db.stock(item["productID"]) for item in items] == [9, 8]


@case("stock.DeductManyRevert")
async def _(on: Transport, db: Databases) -> None:
    items, branch = await _items(on), Branch(fresh.gid())
    await on("stock", "DeductMany", branch, items=items)
    await on("stock", "DeductManyRevert", branch.undo(), items=items)
    assert [db.stock(item["productID"]) for item in items] == [10, 10]


async def _items(on: Transport) -> list[dict[str, Any]]:
    return [{"orderID": fresh.order_id(), "productID": await _stocked(on), "productCount": count} for count in (1, 2)]


@case("stock.GetRefusals")
async def _(on: Transport, _db: Databases) -> None:
    product, branch, order_id = await _stocked(on), Branch(fresh.gid()), fresh.order_id()
    item = {"orderID": order_id, "productID": product, "productCount": 11}
    with failing("ABORTED"):
        await on("stock", "DeductMany", branch, items=[item])
    (refusal,) = (await on("stock", "GetRefusals", gid=branch.gid))["refusals"]
    assert refusal["orderID"] == order_id
    assert refusal["code"]
    assert refusal["reason"]


@case("stock.CheckMany")
async def _(on: Transport, db: Databases) -> None:
    product, wants = await _stocked(on), (8, 3, 2)
    items = [{"orderID": fresh.order_id(), "productID": product, "productCount": count} for count in wants]
    (refusal,) = (await on("stock", "CheckMany", items=items))["refusals"]
    assert (refusal["orderID"], refusal["code"]) == (items[1]["orderID"], "OUT_OF_STOCK")
    assert db.stock(product) == 10


@case("coupon.CouponUse")
async def _(on: Transport, db: Databases) -> None:
    user, coupon = await _couponed(on)
    order_id = fresh.order_id()
    await on("coupon", "CouponUse", Branch(fresh.gid()), couponID=coupon, userID=user, orderID=order_id)
    assert (db.coupon(coupon)["status"], db.coupon(coupon)["order_id"]) == (2, order_id)


@case("coupon.CouponUseRevert")
async def _(on: Transport, db: Databases) -> None:
    (_, coupon), branch = await _couponed(on), Branch(fresh.gid())
    await on("coupon", "CouponUse", branch, couponID=coupon)
    await on("coupon", "CouponUseRevert", branch.undo(), couponID=coupon)
    assert (db.coupon(coupon)["status"], db.coupon(coupon)["order_id"]) == (1, "")


@case("coupon.UseMany")
async def _(on: Transport, db: Databases) -> None:
    uses = await _uses(on)
    await on("coupon", "UseMany", Branch(fresh.gid()), coupons=uses)
    assert [db.coupon(use["couponID"])["order_id"] for use in uses] == [use["orderID"] for use in uses]


@case("coupon.UseManyRevert")
async def _(on: Transport, db: Databases) -> None:
    uses, branch = await _uses(on), Branch(fresh.gid())
    await on("coupon", "UseMany", branch, coupons=uses)
    await on("coupon", "UseManyRevert", branch.undo(), coupons=uses)
    assert [db.coupon(use["couponID"])["status"] for use in uses] == [1, 1]


async def _uses(on: Transport) -> list[dict[str, Any]]:
    made = [await _couponed(on) for _ in range(2)]
    return [{"couponID": coupon, "userID": user, "orderID": fresh.order_id()} for user, coupon in made]


@case("coupon.CheckMany")
async def _(on: Transport, db: Databases) -> None:
    uses = await _uses(on)
    uses[0]["userID"] += 1
    (refusal,) = (await on("coupon", "CheckMany", coupons=uses))["refusals"]
    assert (refusal["orderID"], refusal["code"]) == (uses[0]["orderID"], "COUPON_OF_ANOTHER_USER")
    assert [db.coupon(use["couponID"])["status"] for use in uses] == [1, 1]


@case("coupon.GetRefusals")
async def _(on: Transport, _db: Databases) -> None:
    (user, coupon), branch, order_id = await _couponed(on), Branch(fresh.gid()), fresh.order_id()
    use = {"couponID": coupon, "userID": user + 1, "orderID": order_id}
    with failing("ABORTED"):
        await on("coupon", "UseMany", branch, coupons=[use])
    (refusal,) = (await on("coupon", "GetRefusals", gid=branch.gid))["refusals"]
    assert refusal["orderID"] == order_id
    assert refusal["reason"]


@case("pay.Create")
async def _(on: Transport, db: Databases) -> None:
    order_id = fresh.order_id()
    made = await on("pay", "Create", Branch(fresh.gid()), userID=1, orderID=order_id, amount=300)
    (payment,) = db.live_payments(order_id)
    assert (payment["id"], payment["amount"], payment["status"]) == (made["id"], 300, 1)


@case("pay.CreateRevert")
async def _(on: Transport, db: Databases) -> None:
    payment: dict[str, Any] = {"userID": 1, "orderID": fresh.order_id(), "amount": 300}
    branch = Branch(fresh.gid())
    await on("pay", "Create", branch, **payment)
    await on("pay", "CreateRevert", branch.undo(), **payment)
    assert db.live_payments(payment["orderID"]) == []


@case("pay.CreateMany")
async def _(on: Transport, db: Databases) -> None:
    payments = _payments()
    await on("pay", "CreateMany", Branch(fresh.gid()), payments=payments)
    assert [len(db.live_payments(payment["orderID"])) for payment in payments] == [1, 1]


@case("pay.CreateManyRevert")
async def _(on: Transport, db: Databases) -> None:
    payments, branch = _payments(), Branch(fresh.gid())
    await on("pay", "CreateMany", branch, payments=payments)
    await on("pay", "CreateManyRevert", branch.undo(), payments=payments)
    assert [db.live_payments(payment["orderID"]) for payment in payments] == [[], []]


def _payments() -> list[dict[str, Any]]:
    return [{"userID": 1, "orderID": fresh.order_id(), "amount": amount} for amount in (100, 200)]


@case("pay.GetRefusals")
async def _(on: Transport, _db: Databases) -> None:
    assert await on("pay", "GetRefusals", gid=fresh.gid()) == {"refusals": []}


@case("order.Create")
async def _(on: Transport, db: Databases) -> None:
    order, branch = _an_order(), Branch(fresh.gid())
    await on("order", "Create", branch, **order)
    assert _state(db, order["orderID"]) == "claimed"
    columns = [{"name": "orderID", "value": order["orderID"]}]
    (row,) = (await on("order", "List", params={"limit": 1, "columns": columns}))["orders"]
    assert {**order, "status": 1}.items() <= row.items()
    await on("order", "CreateRevert", branch.undo(), **order)


@case("order.CreateRevert")
async def _(on: Transport, db: Databases) -> None:
    order, branch = _an_order(), Branch(fresh.gid())
    await on("order", "Create", branch, **order)
    await on("order", "CreateRevert", branch.undo(), **order)
    assert _state(db, order["orderID"]) == "reverted"
    columns = [{"name": "orderID", "value": order["orderID"]}]
    assert (await on("order", "List", params={"limit": 1, "columns": columns}))["orders"] == []


@case("order.CreateMany")
async def _(on: Transport, db: Databases) -> None:
    orders, branch = [_an_order(), _an_order()], Branch(fresh.gid())
    await on("order", "CreateMany", branch, orders=orders)
    assert [_state(db, order["orderID"]) for order in orders] == ["claimed", "claimed"]
    await on("order", "CreateManyRevert", branch.undo(), orders=orders)


@case("order.CreateManyRevert")
async def _(on: Transport, db: Databases) -> None:
    orders, branch = [_an_order(), _an_order()], Branch(fresh.gid())
    await on("order", "CreateMany", branch, orders=orders)
    await on("order", "CreateManyRevert", branch.undo(), orders=orders)
    assert [_state(db, order["orderID"]) for order in orders] == ["reverted", "reverted"]
