"""The checker of the books finds what is wrong with them: each book is spoilt in its store, and put right again."""

from collections.abc import Iterator
from dataclasses import dataclass

import pymysql
import pytest
import pytest_asyncio
from books import Books
from databases import Databases
from gateway_client import Gateway
from running_stack import RunningStack


@dataclass(frozen=True)
class Sale:
    """A sale with one live order that used a coupon."""

    product: int
    order_id: str
    coupon: int


@pytest_asyncio.fixture(loop_scope="session")
async def sale(gw: Gateway, books: Books, product: int, user: int) -> Sale:
    await gw.set_flash(product, 5)
    coupon = await gw.new_coupon(user)
    placed = await gw.submit(user, product, coupon=coupon)
    await books.balance(product, sold=1, accepted=[placed.order_id])
    return Sale(product, placed.order_id, coupon)


@pytest.fixture
def mysql(stack: RunningStack) -> Iterator[pymysql.cursors.Cursor]:
    with pymysql.connect(**stack.mysql(), autocommit=True) as connection, connection.cursor() as cursor:
        yield cursor


_LEDGER = (
    "INSERT INTO eshop_stock.stock_ledger (product_id, delta, kind, ref, gid)"
    " VALUES ({product}, {delta}, 'update', 'x', '')"
)
_NO_LEDGER = "DELETE FROM eshop_stock.stock_ledger WHERE product_id = {product} AND ref = 'x'"
_STATUS = "UPDATE eshop_order.order_record SET status = {to} WHERE order_id = '{order_id}'"
_STATE = "UPDATE eshop_order.order_record SET state = '{to}' WHERE order_id = '{order_id}'"
_PAY = "UPDATE eshop_pay.pay SET {to} WHERE order_id = '{order_id}'"
_COUPON = "UPDATE eshop_coupon.coupon SET status = {to} WHERE id = {coupon}"
SPOILT = {
    "the ledger adds up": (_LEDGER.replace("{delta}", "1"), _NO_LEDGER),
    "and the ledger has 1": (_STATUS.replace("{to}", "5"), _STATUS.replace("{to}", "1")),
    "1 orders placing": (_STATE.replace("{to}", "placing"), _STATE.replace("{to}", "confirmed")),
    "is to have 0 units": (_STATE.replace("{to}", "cancelled"), _STATE.replace("{to}", "confirmed")),
    "I4 order": (_COUPON.replace("{to}", "1"), _COUPON.replace("{to}", "2")),
    "and has one over 1": (_PAY.replace("{to}", "amount = 1"), _PAY.replace("{to}", "amount = 100")),
    "and has one over 0": (_PAY.replace("{to}", "status = 3"), _PAY.replace("{to}", "status = 1")),
}


@pytest.mark.parametrize("problem", SPOILT)
async def test_a_book_that_was_spoilt_in_mysql_is_found(
    sale: Sale, books: Books, mysql: pymysql.cursors.Cursor, problem: str
) -> None:
    spoil, repair = (sql.format(**vars(sale)) for sql in SPOILT[problem])
    try:
        mysql.execute(spoil)
        found = books.problems(sale.product, 1, [sale.order_id])
    finally:
        mysql.execute(repair)

    assert any(problem in text for text in found), found
    assert books.problems(sale.product, 1, [sale.order_id]) == []


@pytest.mark.parametrize(
    ("counter", "problem"),
    [("left", "units left in Redis"), ("accepted", "doesn't add up"), ("returned", "doesn't add up")],
)
async def test_a_book_that_was_spoilt_in_redis_is_found(
    sale: Sale, books: Books, db: Databases, counter: str, problem: str
) -> None:
    key = f"flash:{{{sale.product}}}:sale"
    db.redis.hincrby(key, counter, 1)
    found = books.problems(sale.product, 1, [])
    db.redis.hincrby(key, counter, -1)

    assert any(problem in text for text in found), found


async def test_an_accepted_order_that_is_missing_is_found(sale: Sale, books: Books) -> None:
    assert any("lost was accepted" in text for text in books.problems(sale.product, 1, ["lost"]))
    assert any("not 2" in text for text in books.problems(sale.product, 2, []))
