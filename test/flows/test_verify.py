"""`make verify` catches: each invariant is broken on purpose in its store, and the culprit is named."""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pymysql
import pytest
import pytest_asyncio
from databases import Databases
from gateway_client import Gateway
from patience import eventually
from running_stack import RunningStack

from eshop_contract import OrderIds, OrderIdSettings
from eshop_deploy.stacks import read_settings
from eshop_deploy.verify.history import history
from eshop_deploy.verify.look import Books, open_books
from eshop_deploy.verify.stores import snapshot

Cursor = pymysql.cursors.Cursor
LIMIT = 3


@dataclass(frozen=True)
class Sold:
    """A flash sale with a limit per user, and an order of it that used a coupon."""

    product: int
    user: int
    coupon: int
    order_id: str
    gid: str


@pytest.fixture(scope="module")
def verify(stack: RunningStack) -> Iterator[Books]:
    with open_books(read_settings(stack.env)) as books:
        yield books


@pytest.fixture
def mysql(stack: RunningStack) -> Iterator[Cursor]:
    with pymysql.connect(**stack.mysql(), autocommit=True) as connection, connection.cursor() as cursor:
        yield cursor


@pytest_asyncio.fixture(loop_scope="session")
async def sold(gw: Gateway, db: Databases, verify: Books, product: int, user: int) -> Sold:
    await gw.set_flash(product, 5, limit=LIMIT)
    coupon = await gw.new_coupon(user)
    order_id = (await gw.submit(user, product, coupon=coupon)).order_id
    gid = db.value("SELECT gid FROM eshop_order.order_record WHERE order_id = %s", order_id)
    await eventually(lambda: not db.redis.hlen(f"flash:{{{product}}}:unsettled"))
    return Sold(product, user, coupon, order_id, gid)


def _named(verify: Books) -> set[str]:
    """Every culprit; a shared stack may have some of its own."""
    return {f"{finding.invariant} {finding.what} {finding.name}" for finding in verify.verdict().findings}


# What is written where, how it is put right, and what must be named.
SPOILT = {
    "a stock that nobody booked": (
        "UPDATE eshop_stock.stock SET stock = stock + 1 WHERE product_id = {product}",
        "UPDATE eshop_stock.stock SET stock = stock - 1 WHERE product_id = {product}",
        {"I1 product {product}", "I2 product {product}"},
    ),
    "a ledger row that is gone": (
        "UPDATE eshop_stock.stock_ledger SET kind = 'create' WHERE ref = '{order_id}'",
        "UPDATE eshop_stock.stock_ledger SET kind = 'order' WHERE ref = '{order_id}'",
        {"I1 order {order_id}"},
    ),
    "an order with fewer units than were booked": (
        "UPDATE eshop_order.order_record SET product_count = 2 WHERE order_id = '{order_id}'",
        "UPDATE eshop_order.order_record SET product_count = 1 WHERE order_id = '{order_id}'",
        {"I1 order {order_id}"},
    ),
    "an order that was cancelled by hand": (
        "UPDATE eshop_order.order_record SET state = 'cancelled' WHERE order_id = '{order_id}'",
        "UPDATE eshop_order.order_record SET state = 'confirmed' WHERE order_id = '{order_id}'",
        {"I1 order {order_id}", "I4 order {order_id}", "I5 order {order_id}"},
    ),
    "a coupon that is free again": (
        "UPDATE eshop_coupon.coupon SET status = 1 WHERE id = {coupon}",
        "UPDATE eshop_coupon.coupon SET status = 2 WHERE id = {coupon}",
        {"I4 order {order_id}"},
    ),
    "a coupon that no order used": (
        "INSERT INTO eshop_coupon.coupon (id, user_id, status) VALUES (1{coupon:09}, 1, 2)",
        "DELETE FROM eshop_coupon.coupon WHERE id = 1{coupon:09}",
        {"I4 coupon 1{coupon:09}", "I9 list eshop_coupon.coupon"},
    ),
    "a payment over another amount": (
        "UPDATE eshop_pay.pay SET amount = amount + 1 WHERE order_id = '{order_id}'",
        "UPDATE eshop_pay.pay SET amount = amount - 1 WHERE order_id = '{order_id}'",
        {"I5 order {order_id}"},
    ),
    "a payment that is gone": (
        "UPDATE eshop_pay.pay SET status = 3 WHERE order_id = '{order_id}'",
        "UPDATE eshop_pay.pay SET status = 1 WHERE order_id = '{order_id}'",
        {"I5 order {order_id}"},
    ),
    "a doubled payment": (
        "INSERT INTO eshop_pay.pay (user_id, order_id, amount, gid) VALUES ({user}, '{order_id}x', 100, '{gid}')",
        "DELETE FROM eshop_pay.pay WHERE order_id = '{order_id}x'",
        {"I5 order {order_id}x", "I9 list eshop_pay.pay"},
    ),
    "a failed transaction that was not undone": (
        "UPDATE dtm.trans_global SET status = 'failed' WHERE gid = '{gid}'",
        "UPDATE dtm.trans_global SET status = 'succeed' WHERE gid = '{gid}'",
        {"I6 transaction {gid}"},
    ),
    "a total that counts a row too many": (
        "UPDATE eshop_stock.shown_rows SET shown = shown + 1 WHERE table_name = 'stock' AND slot = 0",
        "UPDATE eshop_stock.shown_rows SET shown = shown - 1 WHERE table_name = 'stock' AND slot = 0",
        {"I9 list eshop_stock.stock"},
    ),
    "an order that nobody finishes": (
        "UPDATE eshop_order.order_record SET state = 'claimed', gid = 'nowhere', updated_at = '2020-01-01'"
        " WHERE order_id = '{order_id}'",
        "UPDATE eshop_order.order_record SET state = 'confirmed', gid = '{gid}' WHERE order_id = '{order_id}'",
        {"I1 order {order_id}", "I4 order {order_id}", "I5 order {order_id}", "I6 order {order_id}"},
    ),
}


@pytest.mark.parametrize("what", SPOILT)
def test_what_was_spoilt_in_mysql_is_named(verify: Books, mysql: Cursor, sold: Sold, what: str) -> None:
    spoil, repair, expected = SPOILT[what]
    before = _named(verify)
    try:
        mysql.execute(spoil.format(**vars(sold)))
        named = _named(verify)
    finally:
        mysql.execute(repair.format(**vars(sold)))

    assert named - before == {name.format(**vars(sold)) for name in expected}
    assert _named(verify) == before


async def test_an_order_that_was_deleted_by_hand_is_named_with_its_history(
    gw: Gateway, verify: Books, mysql: Cursor, product: int, user: int
) -> None:
    await gw.set_stock(product, 5)
    order_id = (await gw.notify(user, product)).order_id
    assert (await gw.settled(order_id))["status"] == "confirmed"
    verify.seen.until.clear()

    with _without_order(mysql, order_id):
        findings = [f for f in verify.verdict().findings if f.name == order_id]
        with snapshot(verify.mysql) as db:
            told = "\n".join(line for finding in findings for line in history(db, finding))

    assert {"I1", "I5", "I3"} == {finding.invariant for finding in findings}
    assert "ledger: -1 order" in told
    assert "barrier 01 action" in told
    assert "DeductMany" in told
    assert [f for f in verify.verdict().findings if f.name == order_id] == []


@contextmanager
def _without_order(mysql: Cursor, order_id: str) -> Generator[None]:
    mysql.execute("CREATE TEMPORARY TABLE eshop_order.kept LIKE eshop_order.order_record")
    mysql.execute("INSERT INTO eshop_order.kept SELECT * FROM eshop_order.order_record WHERE order_id = %s", [order_id])
    mysql.execute("DELETE FROM eshop_order.order_record WHERE order_id = %s", [order_id])
    try:
        yield
    finally:
        mysql.execute("INSERT INTO eshop_order.order_record SELECT * FROM eshop_order.kept")


@pytest.mark.parametrize("counter", ["left", "accepted", "returned", "set"])
def test_a_counter_that_was_changed_in_redis_is_named(verify: Books, db: Databases, sold: Sold, counter: str) -> None:
    before = _named(verify)
    with _put_back(db, f"flash:{{{sold.product}}}:sale"):
        db.redis.hincrby(f"flash:{{{sold.product}}}:sale", counter, 1)
        named = _named(verify)

    assert named - before == {f"I2 product {sold.product}"}
    assert _named(verify) == before


@pytest.mark.parametrize("change", ["lost", "closed", "older"])
def test_a_sale_that_is_not_the_one_of_mysql_is_named(verify: Books, db: Databases, sold: Sold, change: str) -> None:
    key = f"flash:{{{sold.product}}}:sale"
    before = _named(verify)
    with _put_back(db, key):
        if change == "lost":
            db.redis.delete(key)
        else:
            db.redis.hset(key, *(("state", "closed") if change == "closed" else ("version", "0")))
        named = _named(verify)

    assert named - before == {f"I2 product {sold.product}"}


async def test_a_unit_that_left_redis_and_became_no_order_is_named(
    verify: Books, stack: RunningStack, db: Databases, sold: Sold
) -> None:
    lost = OrderIds(OrderIdSettings(order_id_key=stack["ESHOP_ORDER_ID_KEY"])).new("f")
    slot = f"flash:{{{sold.product}}}"
    await eventually(lambda: verify.verdict().at_rest, within=60)
    before = _named(verify)
    with _put_back(db, f"{slot}:sale", f"{slot}:unsettled", f"{slot}:users"):
        db.redis.hincrby(f"{slot}:sale", "left", -1)
        db.redis.hincrby(f"{slot}:sale", "accepted", 1)
        db.redis.hincrby(f"{slot}:users", str(sold.user), 1)
        db.redis.hset(f"{slot}:unsettled", lost, f"1:{sold.user}:1")
        named = _named(verify)

    # MySQL still has the unit, and Redis lists it: the numbers agree, so only the order is missing.
    assert named - before == {f"I3 order {lost}"}
    assert _named(verify) == before


@pytest.mark.parametrize("units", [LIMIT + 1, 99])
def test_a_buyer_beyond_the_limit_is_named(verify: Books, db: Databases, sold: Sold, units: int) -> None:
    before = _named(verify)
    with _put_back(db, f"flash:{{{sold.product}}}:users"):
        db.redis.hset(f"flash:{{{sold.product}}}:users", str(sold.user), units)
        named = _named(verify)

    assert named - before == {f"I8 user {sold.user}"}


@contextmanager
def _put_back(db: Databases, *keys: str) -> Generator[None]:
    kept: dict[str, Any] = {key: db.redis.hgetall(key) for key in keys}
    try:
        yield
    finally:
        db.redis.delete(*keys)
        for key, fields in kept.items():
            if fields:
                db.redis.hset(key, mapping=fields)
