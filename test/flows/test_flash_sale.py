"""Flash sales: one stock for both ways to buy, never a unit too many, limits per user, sales set while they sell."""

import asyncio
import random
from collections import Counter

import fresh
from books import Books
from databases import Databases
from gateway_client import Answer, Gateway
from transports import Transport

SOLD_OUT = 30023


async def test_sold_out_is_said_with_the_original_s_code(gw: Gateway, books: Books, product: int, user: int) -> None:
    await gw.set_flash(product, 1)
    first = await gw.flash(user, product)

    second = await gw.flash(user, product)

    assert (second.status, second.code, second.msg) == (409, SOLD_OUT, f"product {product} is sold out")
    await books.balance(product, sold=1, accepted=[first.order_id])


async def test_a_normal_order_of_a_sold_out_sale_is_sold_out_too(
    gw: Gateway, books: Books, product: int, user: int
) -> None:
    await gw.set_flash(product, 1)
    await gw.flash(user, product)

    answer = await gw.submit(user, product)

    assert (answer.status, answer.code) == (409, SOLD_OUT)
    await books.balance(product, sold=1)


async def test_any_mix_of_normal_and_flash_orders_sells_exactly_what_was_set(
    gw: Gateway, books: Books, db: Databases, product: int
) -> None:
    await gw.set_flash(product, 10)
    ways = [gw.submit, gw.notify, gw.flash] * 6
    random.Random(7).shuffle(ways)  # noqa: S311 - a fixed mix

    answers = await asyncio.gather(*(way(fresh.user_id(), product) for way in ways))

    assert {answer.status for answer in answers} <= {200, 409}, answers
    orders = [answer.order_id for answer in answers if answer.status == 200]
    outcomes = Counter([(await gw.settled(order_id))["status"] for order_id in orders])
    assert outcomes["confirmed"] == 10
    assert db.stock(product) == 0
    await books.balance(product, sold=10)


async def test_a_hundred_buyers_of_thirty_units_get_thirty(gw: Gateway, books: Books, product: int) -> None:
    await gw.set_flash(product, 30)

    answers = await asyncio.gather(*(gw.flash(fresh.user_id(), product) for _ in range(100)))

    assert Counter((a.status, a.code) for a in answers) == {(200, 0): 30, (409, SOLD_OUT): 70}
    accepted = [answer.order_id for answer in answers if answer.status == 200]
    assert len(set(accepted)) == 30
    await books.balance(product, sold=30, accepted=accepted)


async def test_setting_a_sale_that_is_sold_out_opens_it_again(gw: Gateway, books: Books, product: int) -> None:
    await gw.set_flash(product, 1)
    await gw.flash(fresh.user_id(), product)
    assert (await gw.flash(fresh.user_id(), product)).code == SOLD_OUT

    await gw.set_flash(product, 2)

    answers = [await gw.flash(fresh.user_id(), product) for _ in range(3)]
    assert [answer.status for answer in answers] == [200, 200, 409]
    await books.balance(product, sold=3)


async def test_a_sale_set_to_nothing_sells_nothing(gw: Gateway, books: Books, product: int, user: int) -> None:
    await gw.set_flash(product, 5)
    await gw.set_flash(product, 0)

    answers = await gw.flash(user, product), await gw.submit(user, product)

    assert [(answer.status, answer.code) for answer in answers] == [(409, SOLD_OUT)] * 2
    await books.balance(product, sold=0)


async def test_a_sale_can_be_set_while_it_sells(gw: Gateway, books: Books, db: Databases, product: int) -> None:
    await gw.set_flash(product, 5)
    answers: list[Answer] = []
    closed = asyncio.Event()

    async def buy(number: int) -> None:
        while not closed.is_set():
            way = gw.flash if number % 3 else gw.submit
            answers.append(await way(fresh.user_id(), product))
            await asyncio.sleep(0.01)

    buyers = [asyncio.create_task(buy(number)) for number in range(6)]
    for units in (20, 3, 15, 0, 8):
        await asyncio.sleep(0.25)
        await _set_when_possible(gw, product, units)
    await asyncio.sleep(1)
    closed.set()
    await asyncio.gather(*buyers)

    # 503 while the sale is being set is an honest answer; nothing else went wrong.
    assert {answer.status for answer in answers} <= {200, 409, 503}, answers
    accepted = [answer.order_id for answer in answers if answer.status == 200]
    for order_id in accepted:
        assert (await gw.settled(order_id))["status"] == "confirmed"
    await books.balance(product, sold=len(accepted), accepted=accepted)
    assert db.stock(product) == 0


async def _set_when_possible(gw: Gateway, product: int, units: int) -> None:
    """A setting is refused while more units than it offers are still being booked."""
    body, answer = {"productID": product, "stock": units}, None
    for _ in range(50):
        answer = await gw.ask("POST", "/api/v1/stock/setFlashSale", json=body)
        if answer.status == 200:
            return
        assert answer.status in (409, 503), answer
        await asyncio.sleep(0.1)
    raise AssertionError(answer)


async def test_two_settings_at_the_same_time_leave_one_of_them(
    gw: Gateway, books: Books, db: Databases, product: int
) -> None:
    await asyncio.gather(*(_set_when_possible(gw, product, units) for units in (11, 12, 13)))

    assert db.stock(product) in (11, 12, 13)
    await books.balance(product, sold=0)


async def test_no_user_gets_more_than_the_limit(gw: Gateway, books: Books, product: int, user: int) -> None:
    await gw.set_flash(product, 20, limit=2)

    greedy = await asyncio.gather(*(gw.flash(user, product) for _ in range(10)))
    modest = await gw.flash(fresh.user_id(), product)

    assert Counter(answer.status for answer in greedy) == {200: 2, 409: 8}
    refusals = {(answer.code, answer.msg) for answer in greedy if answer.status == 409}
    assert SOLD_OUT not in {code for code, _ in refusals}
    assert modest.status == 200
    await books.balance(product, sold=3)


async def test_the_limit_holds_for_normal_orders_of_the_sale_too(
    gw: Gateway, books: Books, product: int, user: int
) -> None:
    await gw.set_flash(product, 20, limit=3)

    answers = [
        await gw.submit(user, product, count=2),
        await gw.submit(user, product, count=2),
        await gw.flash(user, product),
        await gw.flash(user, product),
    ]

    assert [answer.status for answer in answers] == [200, 409, 200, 409]
    await books.balance(product, sold=3)


async def test_the_limit_holds_for_both_ways_at_the_same_time(
    gw: Gateway, books: Books, product: int, user: int
) -> None:
    await gw.set_flash(product, 20, limit=3)

    answers = await asyncio.gather(*(way(user, product) for way in [gw.submit, gw.flash] * 6))

    assert Counter(answer.status for answer in answers) == {200: 3, 409: 9}
    await books.balance(product, sold=3)


async def test_a_new_sale_counts_its_limit_afresh(gw: Gateway, books: Books, product: int, user: int) -> None:
    await gw.set_flash(product, 5, limit=1)
    assert [(await gw.flash(user, product)).status for _ in range(2)] == [200, 409]

    await gw.set_flash(product, 5, limit=1)

    assert (await gw.flash(user, product)).status == 200
    await books.balance(product, sold=2)


async def test_units_that_are_promised_already_are_not_offered_again(
    gw: Gateway, over_grpc: Transport, db: Databases, product: int, user: int
) -> None:
    """Units taken for an order that is on its way count as sold when the sale is set anew."""
    await gw.set_flash(product, 10)
    item = {"orderID": fresh.order_id(), "userID": user, "productID": product, "productCount": 3}
    await over_grpc("flash_sale", "TakeMany", items=[item], gid=fresh.gid(), branchID="02")

    await gw.set_flash(product, 8)
    assert (db.stock(product), db.flash_left(product)) == (8, 5)
    too_few = await gw.ask("POST", "/api/v1/stock/setFlashSale", json={"productID": product, "stock": 2})
    assert too_few.status == 409
    assert (db.stock(product), db.flash_left(product)) == (8, 5)
    assert (await gw.flash(user, product)).status == 200, "the sale goes on as it was"

    unit = {"orderID": item["orderID"], "productID": product, "resell": True}
    await over_grpc("flash_sale", "SettleUnits", units=[unit])
    assert db.flash_left(product) == 7
