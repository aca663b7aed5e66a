"""Direct changes of rows that transactions rely on: refused, or booked."""

import contextlib

import fresh
import pytest
from books import Books
from databases import Databases
from resources import RESOURCES, Made
from transports import CallError, Transport, failing

ORDERS = next(resource for resource in RESOURCES if resource.name == "order")
PAYMENTS = next(resource for resource in RESOURCES if resource.name == "pay")


async def _payment_of(on: Transport, order: Made) -> int:
    columns = [{"name": "orderID", "value": order.fields["orderID"]}]
    (payment,) = (await on("pay", "List", params={"limit": 2, "columns": columns}))["pays"]
    return payment["id"]


@pytest.mark.parametrize("status", [3, 4, 5])
async def test_an_order_takes_one_step_after_the_other(on: Transport, books: Books, status: int) -> None:
    order = await ORDERS.make(on)

    with failing("ABORTED"):
        await on("order", "UpdateByID", id=order.id, status=status)

    assert (await ORDERS.get(on, order.id))["status"] == 1
    await books.balance(order.fields["productID"], sold=2)


async def test_an_order_does_not_step_back(on: Transport) -> None:
    order = await ORDERS.make(on)
    await on("order", "UpdateByID", id=order.id, status=2)

    with failing("ABORTED"):
        await on("order", "UpdateByID", id=order.id, status=1)


@pytest.mark.parametrize(
    "change", [{"amount": 1}, {"productCount": 9}, {"productID": 9}, {"userID": 9}, {"orderID": "x" * 20}]
)
async def test_what_was_ordered_stays_as_it_is(on: Transport, books: Books, change: dict[str, int | str]) -> None:
    order = await ORDERS.make(on)

    with failing("ABORTED"):
        await on("order", "UpdateByID", id=order.id, **change)

    await books.balance(order.fields["productID"], sold=2)


async def test_a_live_order_cannot_be_deleted(on: Transport, books: Books) -> None:
    order = await ORDERS.make(on)

    with failing("ABORTED"):
        await on("order", "DeleteByID", id=order.id)

    await books.balance(order.fields["productID"], sold=2, accepted=[order.fields["orderID"]])


async def test_the_payment_of_a_live_order_cannot_be_deleted(on: Transport, books: Books) -> None:
    order = await ORDERS.make(on)

    with failing("ABORTED"):
        await on("pay", "DeleteByID", id=await _payment_of(on, order))

    await books.balance(order.fields["productID"], sold=2)


@pytest.mark.parametrize("change", [{"amount": 1}, {"status": 3}, {"orderID": "x" * 20}, {"userID": 9}])
async def test_a_payment_keeps_what_its_order_says(on: Transport, books: Books, change: dict[str, int | str]) -> None:
    order = await ORDERS.make(on)

    with failing("ABORTED"):
        await on("pay", "UpdateByID", id=await _payment_of(on, order), **change)

    await books.balance(order.fields["productID"], sold=2)


async def test_a_paid_payment_is_still_the_orders_payment(on: Transport, books: Books) -> None:
    order = await ORDERS.make(on)

    await on("pay", "UpdateByID", id=await _payment_of(on, order), status=2)

    await books.balance(order.fields["productID"], sold=2)


async def test_a_paid_payment_does_not_become_unpaid(on: Transport) -> None:
    payment = await PAYMENTS.make(on)
    await on("pay", "UpdateByID", id=payment.id, status=2)

    with failing("ABORTED"):
        await on("pay", "UpdateByID", id=payment.id, status=1)


async def test_every_change_of_a_stock_row_is_in_the_ledger(
    on: Transport, books: Books, db: Databases, product: int
) -> None:
    row_id = (await on("stock", "Create", productID=product, stock=10))["id"]
    await books.balance(product, sold=0)
    await on("stock", "UpdateByID", id=row_id, stock=25)
    await books.balance(product, sold=0)
    await on("stock", "UpdateByID", id=row_id, stock=3)
    await books.balance(product, sold=0)
    await on("stock", "DeleteByID", id=row_id)
    await books.balance(product, sold=0)
    await on("stock", "Create", productID=product, stock=4)

    assert db.stock(product) == 4
    await books.balance(product, sold=0)


async def test_a_product_has_one_stock_row(on: Transport, books: Books, db: Databases, product: int) -> None:
    await on("stock", "Create", productID=product, stock=10)

    with failing("ALREADY_EXISTS"):
        await on("stock", "Create", productID=product, stock=5)

    assert db.stock(product) == 10
    await books.balance(product, sold=0)


@pytest.mark.parametrize("rpc", ["UpdateByID", "DeleteByID"])
async def test_a_direct_change_of_a_flash_sales_stock_keeps_the_books(
    on: Transport, books: Books, db: Databases, product: int, rpc: str
) -> None:
    await on("stock", "SetFlashSaleStock", productID=product, stock=10)
    row_id = db.value("SELECT id FROM eshop_stock.stock WHERE product_id = %s", product)
    fields = {"stock": 3} if rpc == "UpdateByID" else {}

    with contextlib.suppress(CallError):  # refused or carried out: the two stores agree afterwards
        await on("stock", rpc, id=row_id, **fields)

    await books.balance(product, sold=0)


async def test_a_stock_row_does_not_move_to_another_product(on: Transport, books: Books, product: int) -> None:
    row_id = (await on("stock", "Create", productID=product, stock=10))["id"]
    other = fresh.product_id()

    with contextlib.suppress(CallError):
        await on("stock", "UpdateByID", id=row_id, productID=other)

    await books.balance(product, sold=0)
    await books.balance(other, sold=0)
