"""What a branch refuses stays refused, and who owns an order or a payment keeps it."""

from typing import Any

import fresh
import pytest
from databases import Databases
from transports import Branch, CallError, Transport, failing


async def _stocked(on: Transport, units: int) -> int:
    product = fresh.product_id()
    await on("stock", "Create", productID=product, stock=units)
    return product


def _item(product: int, count: int) -> dict[str, Any]:
    return {"orderID": fresh.order_id(), "productID": product, "productCount": count}


def _state(db: Databases, order_id: str) -> str:
    return db.value("SELECT state FROM eshop_order.order_record WHERE order_id = %s", order_id)


def _order() -> dict[str, Any]:
    ids = {"orderID": fresh.order_id(), "userID": fresh.user_id(), "productID": fresh.product_id()}
    return {**ids, "productCount": 1, "amount": 100, "couponID": 0}


async def test_a_refusal_is_repeated_even_when_there_is_stock_by_then(on: Transport, db: Databases) -> None:
    product, branch = await _stocked(on, 2), Branch(fresh.gid())
    fields = {"productID": product, "productCount": 3}
    with failing("ABORTED"):
        await on("stock", "StockDeduct", branch, **fields)
    row_id = db.value("SELECT id FROM eshop_stock.stock WHERE product_id = %s", product)
    await on("stock", "UpdateByID", id=row_id, stock=100)

    with failing("ABORTED"):
        await on("stock", "StockDeduct", branch, **fields)
    await on("stock", "StockDeductRevert", branch.undo(), **fields)

    assert db.stock(product) == 100


async def test_the_refusals_of_a_batch_name_the_orders_at_fault_and_take_nothing(on: Transport, db: Databases) -> None:
    short, plenty, unknown = await _stocked(on, 2), await _stocked(on, 50), fresh.product_id()
    items = [_item(short, 2), _item(short, 1), _item(plenty, 5), _item(unknown, 1)]
    branch = Branch(fresh.gid())

    for _ in range(2):
        with failing("ABORTED"):
            await on("stock", "DeductMany", branch, items=items)

    refusals = (await on("stock", "GetRefusals", gid=branch.gid))["refusals"]
    assert {refusal["orderID"] for refusal in refusals} == {items[1]["orderID"], items[3]["orderID"]}
    assert len(refusals) == 2
    assert all(refusal["reason"] for refusal in refusals)
    assert (db.stock(short), db.stock(plenty)) == (2, 50)


async def test_an_order_belongs_to_one_transaction_at_a_time(on: Transport, db: Databases) -> None:
    order, owner, other = _order(), Branch(fresh.gid()), Branch(fresh.gid())
    await on("order", "Create", owner, **order)

    with failing("ABORTED"):
        await on("order", "Create", other, **order)
    await on("order", "CreateRevert", other.undo(), **order)
    assert _state(db, order["orderID"]) == "claimed"

    await on("order", "CreateRevert", owner.undo(), **order)
    heir = Branch(fresh.gid())
    await on("order", "Create", heir, **order)
    assert _state(db, order["orderID"]) == "claimed"
    await on("order", "CreateRevert", heir.undo(), **order)


async def test_a_batch_claims_all_its_orders_or_none(on: Transport, db: Databases) -> None:
    taken, free = _order(), _order()
    owner, other = Branch(fresh.gid()), Branch(fresh.gid())
    await on("order", "Create", owner, **taken)

    with failing("ABORTED"):
        await on("order", "CreateMany", other, orders=[free, taken])

    sql = "SELECT COUNT(*) AS n FROM eshop_order.order_record WHERE order_id = %s AND state = 'claimed'"
    assert db.value(sql, free["orderID"]) == 0
    await on("order", "CreateRevert", owner.undo(), **taken)


async def test_an_order_has_one_payment(on: Transport, db: Databases) -> None:
    payment: dict[str, Any] = {"userID": 1, "orderID": fresh.order_id(), "amount": 100}
    owner, other = Branch(fresh.gid()), Branch(fresh.gid())
    await on("pay", "Create", owner, **payment)

    with failing("ABORTED"):
        await on("pay", "Create", other, **payment)
    await on("pay", "CreateRevert", other.undo(), **payment)
    assert len(db.live_payments(payment["orderID"])) == 1

    await on("pay", "CreateRevert", owner.undo(), **payment)
    await on("pay", "Create", Branch(fresh.gid()), **payment)
    assert len(db.live_payments(payment["orderID"])) == 1


async def test_an_order_id_that_mysql_takes_for_another_is_refused(on: Transport) -> None:
    """Blanks at the end don't count in MySQL. Only ABORTED ends a saga: DTM would repeat any other error for ever."""
    order = _order()
    payment = {"userID": 1, "orderID": order["orderID"], "amount": 100}
    other = {"orderID": f"{order['orderID']} "}
    for service, fields in (("order", order), ("pay", payment)):
        owner = Branch(fresh.gid())
        await on(service, "Create", owner, **fields)
        await on(service, "CreateRevert", owner.undo(), **fields)

        with failing("ABORTED"):
            await on(service, "Create", Branch(fresh.gid()), **{**fields, **other})


async def test_units_of_a_sale_are_taken_once_and_given_back_once(on: Transport, db: Databases) -> None:
    take = await _take(on, units=5, count=2)
    product = take["items"][0]["productID"]

    for _ in range(3):
        await on("flash_sale", "TakeMany", **take)
        assert db.flash_left(product) == 3
    for _ in range(3):
        await on("flash_sale", "TakeManyRevert", **take)
        assert db.flash_left(product) == 5


async def test_units_of_a_sale_are_given_back_whatever_the_undo_names(on: Transport, db: Databases) -> None:
    take, other = await _take(on, units=5, count=2), await _take(on, units=5, count=2)
    products = [t["items"][0]["productID"] for t in (take, other)]
    await on("flash_sale", "TakeMany", **take)
    await on("flash_sale", "TakeMany", **other)

    await on("flash_sale", "TakeManyRevert", **{**take, "items": other["items"]})

    assert [db.flash_left(product) for product in products] == [5, 3]
    with failing("ABORTED"):
        await on("flash_sale", "TakeMany", **take)
    await on("flash_sale", "TakeManyRevert", **other)


async def test_units_that_were_given_back_before_they_were_taken_stay_for_sale(on: Transport, db: Databases) -> None:
    take = await _take(on, units=5, count=2)

    await on("flash_sale", "TakeManyRevert", **take)
    with failing("ABORTED"):
        await on("flash_sale", "TakeMany", **take)

    assert db.flash_left(take["items"][0]["productID"]) == 5


async def test_too_few_units_of_a_sale_are_not_taken_in_part(on: Transport, db: Databases) -> None:
    take = await _take(on, units=5, count=4)
    product = take["items"][0]["productID"]
    take["items"].append({**take["items"][0], "orderID": fresh.order_id()})

    replies = [await on("flash_sale", "TakeMany", **take) for _ in range(2)]

    assert replies[0] == replies[1]
    (refusal,) = replies[0]["refusals"]
    assert refusal["orderID"] == take["items"][1]["orderID"]
    assert refusal["reason"] == f"4 units of product {product} were ordered, but only 1 can be had"
    assert db.flash_left(product) == 5


async def _take(on: Transport, units: int, count: int) -> dict[str, Any]:
    product = fresh.product_id()
    await on("stock", "SetFlashSaleStock", productID=product, stock=units)
    item = {"orderID": fresh.order_id(), "userID": 0, "productID": product, "productCount": count}
    return {"items": [item], "gid": fresh.gid(), "branchID": "02"}


async def test_a_check_back_that_finds_nothing_refuses(on: Transport, product: int) -> None:
    message = Branch(f"{fresh.gid()}-{product}", "msg", "00", "msg")

    for _ in range(2):
        with failing("ABORTED"):
            await on("flash_sale", "RedisQueryPrepared", message)


async def test_a_delivery_whose_unit_was_never_taken_is_not_taken_for_delivered(
    on: Transport, db: Databases, product: int, user: int
) -> None:
    await on("stock", "SetFlashSaleStock", productID=product, stock=5)
    delivery = Branch(f"{fresh.gid()}-{product}", "action", "01", "msg")
    order = {"userID": user, "productID": product, "productCount": 1, "amount": 5, "orderID": fresh.order_id()}

    with pytest.raises(CallError):
        await on("flash_sale", "SendSubmitOrderNotify", delivery, **order)

    assert db.flash_left(product) == 5


@pytest.mark.parametrize("gid", ["foreign", "foreign-", "foreign-0", "foreign-x9", f"foreign-{2**70}"])
async def test_a_check_back_for_a_foreign_message_is_an_answer(on: Transport, gid: str) -> None:
    with pytest.raises(CallError) as error:
        await on("flash_sale", "RedisQueryPrepared", Branch(gid, "msg", "00", "msg"))

    assert error.value.kind in ("ABORTED", "INVALID_ARGUMENT")
