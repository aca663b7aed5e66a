"""Many buyers at once: every unit and every coupon is sold once."""

import asyncio
from collections import Counter

import fresh
from books import Books
from databases import Databases
from gateway_client import Answer, Gateway


async def _final(gw: Gateway, answer: Answer) -> str:
    """What became of an order in the end; an honest `running` is waited for."""
    if answer.status == 200:
        return (await gw.settled(answer.order_id))["status"]
    return "refused" if answer.status == 409 else f"HTTP {answer.status}"


async def test_sixty_orders_at_once_for_twenty_units_confirm_twenty(
    gw: Gateway, books: Books, db: Databases, product: int
) -> None:
    await gw.set_stock(product, 20)

    answers = await asyncio.gather(*(gw.submit(fresh.user_id(), product) for _ in range(60)))

    outcomes = Counter([await _final(gw, answer) for answer in answers])
    assert outcomes == {"confirmed": 20, "refused": 40}
    assert db.stock(product) == 0
    await books.balance(product, sold=20)


async def test_sixty_buffered_orders_for_twenty_units_confirm_twenty(gw: Gateway, books: Books, product: int) -> None:
    await gw.set_stock(product, 20)

    answers = await asyncio.gather(*(gw.notify(fresh.user_id(), product) for _ in range(60)))

    outcomes = Counter([await _final(gw, answer) for answer in answers])
    assert outcomes == {"confirmed": 20, "refused": 40}
    await books.balance(product, sold=20)


async def test_one_coupon_in_ten_orders_at_once_is_used_once(
    gw: Gateway, books: Books, db: Databases, product: int, user: int
) -> None:
    await gw.set_stock(product, 50)
    coupon = await gw.new_coupon(user)

    answers = await asyncio.gather(*(gw.submit(user, product, coupon=coupon) for _ in range(10)))

    outcomes = Counter([await _final(gw, answer) for answer in answers])
    assert outcomes == {"confirmed": 1, "refused": 9}
    assert db.stock(product) == 49
    await books.balance(product, sold=1)


async def test_orders_of_many_sizes_never_take_more_than_there_is(
    gw: Gateway, books: Books, db: Databases, product: int
) -> None:
    await gw.set_stock(product, 31)

    answers = await asyncio.gather(*(gw.submit(fresh.user_id(), product, count=1 + i % 5) for i in range(30)))

    for answer in answers:
        assert await _final(gw, answer) in ("confirmed", "refused")
    assert db.stock(product) in range(5)  # too little for an order that was refused
    await books.balance(product, sold=31 - (db.stock(product) or 0))


async def test_orders_of_two_products_at_once_do_not_lock_each_other_out(gw: Gateway, books: Books) -> None:
    products = [fresh.product_id(), fresh.product_id()]
    for product in products:
        await gw.set_stock(product, 100)

    answers = await asyncio.gather(*(gw.submit(fresh.user_id(), products[i % 2]) for i in range(40)))

    assert {await _final(gw, answer) for answer in answers} == {"confirmed"}
    for product in products:
        await books.balance(product, sold=20)
