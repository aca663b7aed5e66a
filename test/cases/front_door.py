"""Cases of the gateway's rpcs: each reaches the service behind it."""

from typing import Any

import fresh
from cases.table import CASES, Case, case
from databases import Databases
from patience import eventually
from transports import Transport


def _order(product: int) -> dict[str, Any]:
    return {"userID": fresh.user_id(), "productID": product, "productCount": 1, "amount": 100, "couponID": 0}


async def _on_sale(on: Transport) -> int:
    product = fresh.product_id()
    await on("gw", "SetFlashSaleStock", productID=product, stock=10)
    return product


async def _confirmed(on: Transport, order_id: str) -> None:
    async def look() -> bool:
        return (await on("gw", "GetOutcome", orderID=order_id))["status"] == "confirmed"

    await eventually(look, within=20)


@case("gw.CreateUser")
async def _(on: Transport, db: Databases) -> None:
    email = fresh.email()
    made = await on("gw", "CreateUser", name="Ada", email=email, password="secret of the engine")
    assert db.value("SELECT email FROM eshop_user.user WHERE id = %s", made["id"]) == email


@case("gw.CreateProduct")
async def _(on: Transport, db: Databases) -> None:
    made = await on("gw", "CreateProduct", name="Tea pot", price=100)
    assert db.value("SELECT price FROM eshop_product.product WHERE id = %s", made["id"]) == 100


@case("gw.CreateCoupon")
async def _(on: Transport, db: Databases) -> None:
    made = await on("gw", "CreateCoupon", userID=fresh.user_id(), amount=30, status=1)
    assert (db.coupon(made["id"])["amount"], db.coupon(made["id"])["status"]) == (30, 1)


@case("gw.CreateStock")
async def _(on: Transport, db: Databases) -> None:
    product = fresh.product_id()
    await on("gw", "CreateStock", productID=product, stock=12)
    assert db.stock(product) == 12


@case("gw.SetFlashSaleStock")
async def _(on: Transport, db: Databases) -> None:
    product = await _on_sale(on)
    assert (db.stock(product), db.flash_left(product)) == (10, 10)


@case("gw.SubmitOrder")
async def _(on: Transport, db: Databases) -> None:
    product = await _on_sale(on)
    assert (await on("gw", "SubmitOrder", **_order(product)))["status"] == "confirmed"
    assert db.stock(product) == 9


@case("gw.SendSubmitOrderNotify")
async def _(on: Transport, db: Databases) -> None:
    product = await _on_sale(on)
    await _confirmed(on, (await on("gw", "SendSubmitOrderNotify", **_order(product)))["orderID"])
    assert db.stock(product) == 9


@case("gw.FlashSale")
async def _(on: Transport, db: Databases) -> None:
    product = await _on_sale(on)
    reply = await on("gw", "FlashSale", userID=fresh.user_id(), productID=product, amount=100)
    await _confirmed(on, reply["orderID"])
    assert db.stock(product) == 9


@case("gw.GetOutcome")
async def _(on: Transport, _db: Databases) -> None:
    product = await _on_sale(on)
    placed = await on("gw", "SubmitOrder", **_order(product))
    outcome = await on("gw", "GetOutcome", orderID=placed["orderID"])
    assert (outcome["status"], outcome["order"]["productID"]) == ("confirmed", product)


def _lists(rpc: str, rows: str, table: str) -> Case:
    async def body(on: Transport, db: Databases) -> None:
        reply = await on("gw", rpc, page=0, limit=5)
        assert set(reply) == {"total", rows}
        assert len(reply[rows]) == min(5, reply["total"])
        ids = [row["id"] for row in reply[rows]]
        assert ids == sorted(ids, reverse=True)
        assert reply["total"] <= db.value(f"SELECT COUNT(*) AS n FROM {table}")  # noqa: S608 - a constant

    return body


CASES["gw.ListUser"] = _lists("ListUser", "users", "eshop_user.user")
CASES["gw.ListProduct"] = _lists("ListProduct", "products", "eshop_product.product")
CASES["gw.ListOrder"] = _lists("ListOrder", "orders", "eshop_order.order_record")
CASES["gw.ListCoupon"] = _lists("ListCoupon", "coupons", "eshop_coupon.coupon")
CASES["gw.ListStock"] = _lists("ListStock", "stocks", "eshop_stock.stock")
