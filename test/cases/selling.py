"""Cases of the rpcs that sell: orders placed at once and through the queue, flash sales and what they are made of."""

from typing import Any

import fresh
from cases.table import case
from databases import Databases
from patience import eventually
from transports import Branch, Transport, failing

ABORTED = 10
SOLD_OUT = 30023


def _order(product: int) -> dict[str, Any]:
    return {"userID": fresh.user_id(), "productID": product, "productCount": 1, "amount": 100, "couponID": 0}


async def _on_sale(on: Transport, units: int = 10) -> int:
    product = fresh.product_id()
    await on("stock", "SetFlashSaleStock", productID=product, stock=units)
    return product


async def _confirmed(on: Transport, order_id: str) -> dict[str, Any]:
    async def look() -> dict[str, Any] | None:
        outcome = await on("order", "GetOutcome", orderID=order_id)
        assert outcome["status"] in ("accepted", "running", "confirmed"), outcome
        return outcome["order"] if outcome["status"] == "confirmed" else None

    return await eventually(look, within=20)


@case("order.Submit")
async def _(on: Transport, db: Databases) -> None:
    product = await _on_sale(on)
    reply = await on("order", "Submit", **_order(product))
    assert reply["status"] == "confirmed"
    assert db.stock(product) == 9


@case("order.SendSubmitOrderNotify")
async def _(on: Transport, db: Databases) -> None:
    product = await _on_sale(on)
    reply = await on("order", "SendSubmitOrderNotify", **_order(product))
    assert (await _confirmed(on, reply["orderID"]))["productID"] == product
    assert db.stock(product) == 9


@case("order.SubmitMany")
async def _(on: Transport, db: Databases) -> None:
    product = await _on_sale(on)
    orders = [_order(product), _order(fresh.product_id()), _order(product)]
    results = (await on("order", "SubmitMany", orders=orders, requestIDs=["a", "b", "c"]))["results"]
    assert [bool(result["failure"]) for result in results] == [False, True, False]
    assert results[0]["reply"]["status"] == "confirmed"
    assert results[1]["failure"]["status"] == ABORTED
    assert db.stock(product) == 8


@case("order.SendSubmitOrderNotifyMany")
async def _(on: Transport, db: Databases) -> None:
    product = await _on_sale(on)
    reply = await on("order", "SendSubmitOrderNotifyMany", orders=[_order(product), _order(product)])
    for result in reply["results"]:
        await _confirmed(on, result["reply"]["orderID"])
    assert db.stock(product) == 8


@case("order.NoteRunningMany")
async def _(on: Transport, db: Databases) -> None:
    product, order_id = await _on_sale(on), fresh.order_id()
    for _ in range(2):  # each order is noted once
        assert await on("order", "NoteRunningMany", orders=[{**_order(product), "orderID": order_id}]) == {}
    assert (await on("order", "GetOutcome", orderID=order_id))["status"] == "running"
    assert len(db.orders(product)) == 1


@case("order.GetOutcome")
async def _(on: Transport, _db: Databases) -> None:
    product = await _on_sale(on)
    placed = await on("order", "Submit", **_order(product))
    outcome = await on("order", "GetOutcome", orderID=placed["orderID"])
    assert (outcome["orderID"], outcome["status"], outcome["reason"]) == (placed["orderID"], "confirmed", "")
    assert outcome["order"]["productID"] == product


@case("stock.SetFlashSaleStock")
async def _(on: Transport, db: Databases) -> None:
    product = await _on_sale(on, 25)
    assert (db.stock(product), db.flash_left(product)) == (25, 25)
    await on("stock", "SetFlashSaleStock", productID=product, stock=3)
    assert (db.stock(product), db.flash_left(product)) == (3, 3)


@case("flash_sale.FlashSale")
async def _(on: Transport, db: Databases) -> None:
    product = await _on_sale(on)
    reply = await on("flash_sale", "FlashSale", userID=fresh.user_id(), productID=product, amount=100)
    assert reply["status"] in ("accepted", "running")
    await _confirmed(on, reply["orderID"])
    assert (db.stock(product), db.flash_left(product)) == (9, 9)


@case("flash_sale.FlashSaleMany")
async def _(on: Transport, db: Databases) -> None:
    product = await _on_sale(on, 1)
    buyers = [{"userID": fresh.user_id(), "productID": product, "amount": 100} for _ in range(3)]
    results = (await on("flash_sale", "FlashSaleMany", buyers=buyers))["results"]
    (sold,) = [result["reply"]["orderID"] for result in results if not result["failure"]]
    assert {result["failure"]["code"] for result in results if result["failure"]} == {SOLD_OUT}
    await _confirmed(on, sold)
    assert db.flash_left(product) == 0


@case("flash_sale.RedisQueryPrepared")
async def _(on: Transport, db: Databases) -> None:
    product = await _on_sale(on)
    await on("flash_sale", "FlashSale", userID=fresh.user_id(), productID=product, amount=100)
    message = Branch(_message_of_the_only_sale(db, product), "msg", "00", "msg")
    assert await on("flash_sale", "RedisQueryPrepared", message) == {}


def _message_of_the_only_sale(db: Databases, product: int) -> str:
    """The gid of the message that sold the only unit; the barrier's key tells it."""
    keys: Any = db.redis.keys(f"flash:{{{product}}}:barrier:*")
    (key,) = keys
    return key.split(":")[3]


@case("flash_sale.SendSubmitOrderNotify")
async def _(on: Transport, _db: Databases) -> None:
    product = await _on_sale(on)
    reply = await on("flash_sale", "SendSubmitOrderNotify", **_order(product))
    assert (await _confirmed(on, reply["orderID"]))["productID"] == product


@case("flash_sale.SendSubmitOrderNotifyMany")
async def _(on: Transport, db: Databases) -> None:
    product, user = await _on_sale(on), fresh.user_id()
    sold = await on("flash_sale", "FlashSale", userID=user, productID=product, amount=100)
    delivery = Branch(_message_of_the_only_sale(db, product), "action", "01", "msg")
    assert await on("flash_sale", "SendSubmitOrderNotifyMany", delivery) == {}
    await _confirmed(on, sold["orderID"])
    assert db.stock(product) == 9


@case("flash_sale.TakeMany")
async def _(on: Transport, db: Databases) -> None:
    take = _take(await _on_sale(on))
    await on("flash_sale", "TakeMany", **take)
    assert db.flash_left(take["items"][0]["productID"]) == 7


@case("flash_sale.TakeManyRevert")
async def _(on: Transport, db: Databases) -> None:
    take = _take(await _on_sale(on))
    await on("flash_sale", "TakeMany", **take)
    await on("flash_sale", "TakeManyRevert", **take)
    assert db.flash_left(take["items"][0]["productID"]) == 10


def _take(product: int) -> dict[str, Any]:
    item = {"orderID": fresh.order_id(), "userID": fresh.user_id(), "productID": product, "productCount": 3}
    return {"items": [item], "gid": fresh.gid(), "branchID": "02"}


@case("flash_sale.CloseSale")
async def _(on: Transport, _db: Databases) -> None:
    take = _take(await _on_sale(on))
    (item,) = take["items"]
    await on("flash_sale", "TakeMany", **take)
    reply = await on("flash_sale", "CloseSale", productID=item["productID"], token="t1")
    assert reply == {"version": 1, "unsettled": [item]}
    await on("flash_sale", "OpenSale", productID=item["productID"], token="t1")


@case("flash_sale.OpenSale")
async def _(on: Transport, db: Databases) -> None:
    product = await _on_sale(on)
    await on("flash_sale", "CloseSale", productID=product, token="t2")
    fields = {"productID": product, "version": 2, "stock": 6}
    with failing("ABORTED"):  # a setting that was overtaken
        await on("flash_sale", "OpenSale", **fields, token="another")
    assert (await on("flash_sale", "OpenSale", **fields, token="t2"))["version"] == 2
    assert db.flash_left(product) == 6


@case("flash_sale.GetRun")
async def _(on: Transport, db: Databases) -> None:
    run_id = db.redis.info("server")["run_id"]
    assert await on("flash_sale", "GetRun") == {"runID": run_id, "drained": False}
    assert (await on("flash_sale", "GetRun", queue=True))["runID"] == run_id


@case("flash_sale.SettleUnits")
async def _(on: Transport, db: Databases) -> None:
    take, nowhere = _take(await _on_sale(on)), fresh.product_id()
    (item,) = take["items"]
    await on("flash_sale", "TakeMany", **take)
    unit = {"orderID": item["orderID"], "productID": item["productID"], "resell": True}
    for _ in range(2):  # each order counts once
        reply = await on("flash_sale", "SettleUnits", units=[unit, {**unit, "productID": nowhere}])
        assert reply == {"notOnSale": [nowhere]}
    assert db.flash_left(item["productID"]) == 10
