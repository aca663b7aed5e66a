"""Orders that can't be placed: refused with the reason, soon, and every step undone."""

from collections.abc import Awaitable, Callable

import fresh
import pytest
from books import Books
from databases import Databases
from gateway_client import Answer, Gateway
from transports import Transport

SOLD_OUT = 30023
CANCELLED = 5


async def _assert_undone(gw: Gateway, books: Books, db: Databases, product: int, answer: Answer) -> None:
    """The refusal was told with a reason, and the only trace of the order is that it was refused."""
    assert answer.status == 409
    assert answer.code != 0
    assert answer.msg
    assert answer.seconds < 1.5
    (order,) = db.orders(product)
    outcome = (await gw.outcome(order["order_id"])).data
    assert (outcome["status"], outcome["reason"]) == ("refused", answer.msg)
    assert outcome["order"]["status"] == CANCELLED
    await books.balance(product, sold=0)


async def test_too_little_stock_is_refused(gw: Gateway, books: Books, db: Databases, product: int, user: int) -> None:
    await gw.set_stock(product, 2)

    answer = await gw.submit(user, product, count=3)

    assert answer.code == SOLD_OUT
    await _assert_undone(gw, books, db, product, answer)
    assert db.stock(product) == 2


async def test_an_unknown_product_is_refused(gw: Gateway, books: Books, db: Databases, product: int, user: int) -> None:
    answer = await gw.submit(user, product)

    assert str(product) in answer.msg
    await _assert_undone(gw, books, db, product, answer)


async def test_the_coupon_of_another_user_is_refused(
    gw: Gateway, books: Books, db: Databases, product: int, user: int
) -> None:
    await gw.set_stock(product, 5)
    coupon = await gw.new_coupon(fresh.user_id())

    answer = await gw.submit(user, product, coupon=coupon)

    assert "another user" in answer.msg
    await _assert_undone(gw, books, db, product, answer)
    assert (db.stock(product), db.coupon(coupon)["status"]) == (5, 1)


async def test_a_used_coupon_is_refused_and_stays_with_its_order(
    gw: Gateway, books: Books, db: Databases, product: int, user: int
) -> None:
    elsewhere = fresh.product_id()
    await gw.set_stock(elsewhere, 5)
    await gw.set_stock(product, 5)
    coupon = await gw.new_coupon(user)
    first = await gw.submit(user, elsewhere, coupon=coupon)
    assert first.data["status"] == "confirmed"

    answer = await gw.submit(user, product, coupon=coupon)

    assert "used" in answer.msg
    await _assert_undone(gw, books, db, product, answer)
    assert db.coupon(coupon)["order_id"] == first.order_id
    await books.balance(elsewhere, sold=1)


async def test_an_unknown_coupon_is_refused(gw: Gateway, books: Books, db: Databases, product: int, user: int) -> None:
    await gw.set_stock(product, 5)

    answer = await gw.submit(user, product, coupon=10**15 + 7)

    await _assert_undone(gw, books, db, product, answer)


@pytest.mark.parametrize("status", [3, None], ids=["expired", "deleted"])
async def test_a_coupon_that_is_no_longer_valid_is_refused(
    gw: Gateway, books: Books, db: Databases, over_grpc: Transport, product: int, user: int, status: int | None
) -> None:
    await gw.set_stock(product, 5)
    coupon = await gw.new_coupon(user)
    if status:
        await over_grpc("coupon", "UpdateByID", id=coupon, status=status)
    else:
        await over_grpc("coupon", "DeleteByID", id=coupon)

    answer = await gw.submit(user, product, coupon=coupon)

    await _assert_undone(gw, books, db, product, answer)


async def test_a_refusal_tells_the_buyer_nothing_of_the_inside(gw: Gateway, product: int, user: int) -> None:
    answer = await gw.submit(user, product)

    for word in ("grpc", "dtm", "gid", "url:", "FAILURE", "127.0.0.1", "ABORTED"):
        assert word.lower() not in answer.msg.lower()


Coupon = Callable[[Gateway, int], Awaitable[int]]


async def _foreign_coupon(gw: Gateway, _user: int) -> int:
    return await gw.new_coupon(fresh.user_id())


async def _no_coupon(_gw: Gateway, _user: int) -> int:
    return 0


@pytest.mark.parametrize(
    ("units", "coupon"), [(0, _no_coupon), (5, _foreign_coupon)], ids=["too little stock", "coupon of another user"]
)
async def test_a_buffered_order_that_is_refused_says_why_when_asked(
    gw: Gateway, books: Books, product: int, user: int, units: int, coupon: Coupon
) -> None:
    await gw.set_stock(product, units)

    accepted = await gw.notify(user, product, coupon=await coupon(gw, user))

    outcome = await gw.settled(accepted.order_id)
    assert outcome["status"] == "refused"
    assert outcome["reason"]
    assert outcome["order"]["status"] == CANCELLED
    await books.balance(product, sold=0)


async def test_one_refused_order_of_a_batch_does_not_hurt_the_others(gw: Gateway, books: Books, product: int) -> None:
    await gw.set_stock(product, 6)
    users = [fresh.user_id() for _ in range(8)]
    foreign = await gw.new_coupon(fresh.user_id())

    accepted = [await gw.notify(user, product, coupon=foreign if i % 4 == 0 else 0) for i, user in enumerate(users)]

    outcomes = [(await gw.settled(answer.order_id))["status"] for answer in accepted]
    assert outcomes == ["refused", "confirmed", "confirmed", "confirmed"] * 2
    await books.balance(product, sold=6)


async def test_a_flash_sale_that_does_not_exist_is_refused(gw: Gateway, db: Databases, product: int, user: int) -> None:
    never_on_sale = await gw.flash(user, product)
    await gw.set_stock(product, 5)
    only_in_stock = await gw.flash(user, product)

    for answer in (never_on_sale, only_in_stock):
        assert answer.status == 409
        assert answer.code not in (0, SOLD_OUT)
        assert answer.seconds < 1.5
    assert db.orders(product) == []
    assert db.stock(product) == 5
