"""`make verify --repair` settles what was spoilt on purpose, through the services, and leaves all books equal."""

import time
from collections.abc import Iterator

import pymysql
import pytest
import pytest_asyncio
from databases import Databases
from gateway_client import Gateway
from patience import eventually
from running_stack import RunningStack

from eshop_contract import OrderIds, OrderIdSettings
from eshop_deploy.stacks import read_settings
from eshop_deploy.verify.findings import Look
from eshop_deploy.verify.look import Books, open_books
from eshop_deploy.verify.repair import Repair, plan

Cursor = pymysql.cursors.Cursor


@pytest.fixture(scope="module")
def verify(stack: RunningStack) -> Iterator[Books]:
    with open_books(read_settings(stack.env)) as books:
        yield books


@pytest.fixture
def mysql(stack: RunningStack) -> Iterator[Cursor]:
    with pymysql.connect(**stack.mysql(), autocommit=True) as connection, connection.cursor() as cursor:
        yield cursor


@pytest_asyncio.fixture(loop_scope="session")
async def sale(gw: Gateway, db: Databases, product: int, user: int) -> str:
    """The Redis slot of a sale of which one unit of five is sold."""
    await gw.set_flash(product, 5)
    assert (await gw.submit(user, product)).data["status"] == "confirmed"
    slot = f"flash:{{{product}}}"
    await eventually(lambda: not db.redis.hlen(f"{slot}:unsettled"))
    return slot


def _planned(verify: Books, about: str) -> list[Repair]:
    """What is planned about one thing; a shared stack may need other repairs as well."""
    look = _at_rest(verify)
    return [repair for repair in plan(verify, look) if about in repair.what]


def _at_rest(verify: Books) -> Look:
    """Looks until nothing is on its way. What is broken on purpose stays so, and is not waited for.

    A stack that other tests have used never comes to rest: they leave transactions that nobody finishes.
    """
    end = time.monotonic() + 60
    while not (look := verify.verdict()).at_rest and time.monotonic() < end:
        time.sleep(0.2)
    return look


def _told(verify: Books, name: str) -> list[str]:
    return [str(finding) for finding in verify.verdict().findings if finding.name == name]


async def test_a_unit_without_an_order_goes_back_for_sale(
    verify: Books, stack: RunningStack, db: Databases, sale: str
) -> None:
    lost = OrderIds(OrderIdSettings(order_id_key=stack["ESHOP_ORDER_ID_KEY"])).new("f")
    db.redis.hincrby(f"{sale}:sale", "left", -1)
    db.redis.hincrby(f"{sale}:sale", "accepted", 1)
    db.redis.hset(f"{sale}:unsettled", lost, "1:7:1")

    [repair] = _planned(verify, lost)
    assert db.redis.hget(f"{sale}:sale", "left") == "3", "a plan changes nothing"
    repair.do()
    repair.do()

    assert db.redis.hmget(f"{sale}:sale", ["left", "returned"]) == ["4", "1"]
    assert _told(verify, lost) == []


async def test_a_coupon_marked_as_used_that_no_order_has_is_set_free(
    verify: Books, gw: Gateway, mysql: Cursor, user: int
) -> None:
    coupon = await gw.new_coupon(user)
    mysql.execute("UPDATE eshop_coupon.coupon SET status = 2 WHERE id = %s", [coupon])

    [repair] = _planned(verify, f"coupon {coupon} ")
    repair.do()

    mysql.execute("SELECT status FROM eshop_coupon.coupon WHERE id = %s", [coupon])
    assert mysql.fetchone() == (1,)
    assert _told(verify, str(coupon)) == []


@pytest.mark.parametrize("change", ["a unit too many", "lost", "closed"])
async def test_a_sale_that_differs_from_mysql_is_set_to_what_mysql_has(
    gw: Gateway, verify: Books, db: Databases, sale: str, product: int, user: int, change: str
) -> None:
    if change == "lost":
        db.redis.delete(f"{sale}:sale", f"{sale}:unsettled", f"{sale}:users")
    else:
        field, value = ("left", "5") if change == "a unit too many" else ("state", "closed")
        db.redis.hset(f"{sale}:sale", field, value)

    [repair] = _planned(verify, f"product {product} ")
    repair.do()

    assert db.flash_left(product) == db.stock(product) == 4
    assert _told(verify, str(product)) == []
    assert (await gw.submit(user, product)).data["status"] == "confirmed"


async def test_units_whose_settlement_was_lost_are_settled(
    verify: Books, db: Databases, sale: str, product: int
) -> None:
    [order] = db.orders(product)
    db.redis.hset(f"{sale}:unsettled", order["order_id"], "1:7:1")

    [repair] = _planned(verify, f"product {product} ")
    repair.do()

    assert db.redis.hlen(f"{sale}:unsettled") == 0
    assert db.flash_left(product) == 4


async def test_a_branch_that_was_not_undone_is_undone_under_its_barrier(
    gw: Gateway, verify: Books, db: Databases, mysql: Cursor, product: int, user: int
) -> None:
    await gw.set_stock(product, 5)
    assert (await gw.submit(user, product, coupon=await gw.new_coupon(user + 1))).status == 409
    [order] = db.orders(product)
    gid = order["gid"]
    mysql.execute("DELETE FROM dtm_barrier.barrier WHERE gid = %s AND branch_id = '01' AND op = 'compensate'", [gid])
    assert _told(verify, gid) != []

    [repair] = _planned(verify, gid)
    repair.do()

    rows = db.rows("SELECT reason FROM dtm_barrier.barrier WHERE gid = %s AND branch_id = '01' ORDER BY id", gid)
    assert [row["reason"] for row in rows] == ["action", "compensate"]
    assert _told(verify, gid) == []


async def test_an_order_whose_transaction_is_lost_is_undone_and_placed_again(
    gw: Gateway, verify: Books, db: Databases, mysql: Cursor, product: int, user: int
) -> None:
    await gw.set_stock(product, 5)
    coupon = await gw.new_coupon(user)
    order_id = (await gw.submit(user, product, coupon=coupon)).order_id
    [order] = db.orders(product)
    mysql.execute("DELETE FROM dtm.trans_global WHERE gid = %s", [order["gid"]])
    mysql.execute("DELETE FROM dtm.trans_branch_op WHERE gid = %s", [order["gid"]])
    mysql.execute(
        "UPDATE eshop_order.order_record SET state = 'claimed', updated_at = '2020-01-01' WHERE order_id = %s",
        [order_id],
    )

    [repair] = [found for found in plan(verify, verify.verdict()) if order["gid"] in found.what]
    repair.do()

    assert db.stock(product) == 5
    assert db.live_payments(order_id) == []
    assert db.coupon(coupon)["status"] == 1
    assert (await gw.settled(order_id, within=60))["status"] == "confirmed"
    assert db.stock(product) == 4
    assert _told(verify, order_id) == []
