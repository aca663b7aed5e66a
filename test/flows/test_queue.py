"""The order queue: nothing twice, nothing skipped, what can't be placed is put aside."""

import pytest
from books import Books
from databases import Databases
from gateway_client import Gateway
from patience import eventually
from queue_messages import OrderQueue, Raw, order_message
from running_stack import RunningStack

from eshop_contract import OrderIds


@pytest.fixture(scope="module")
def queue(stack: RunningStack) -> OrderQueue:
    return OrderQueue(stack)


async def test_the_same_message_three_times_is_one_order(
    gw: Gateway, queue: OrderQueue, books: Books, db: Databases, product: int, user: int
) -> None:
    await gw.set_stock(product, 10)
    order_id = queue.new_id()
    message = order_message(user, product, order_id)

    await queue.write(message, message)
    assert (await gw.settled(order_id))["status"] == "confirmed"
    await queue.write(message)
    await eventually(lambda: _is_idle(queue), within=15)

    assert len(db.orders(product)) == 1
    assert db.stock(product) == 9
    await books.balance(product, sold=1, accepted=[order_id])


async def test_a_refused_message_that_comes_again_stays_refused(
    gw: Gateway, queue: OrderQueue, books: Books, product: int, user: int
) -> None:
    order_id = queue.new_id()
    await queue.write(order_message(user, product, order_id))
    refused = await gw.settled(order_id)
    assert refused["status"] == "refused"
    await gw.set_stock(product, 10)

    await queue.write(order_message(user, product, order_id))
    await eventually(lambda: _is_idle(queue), within=15)

    assert (await gw.outcome(order_id)).data == refused
    await books.balance(product, sold=0)


async def test_a_message_that_this_suite_did_not_write_places_nothing_and_takes_no_unit(
    gw: Gateway, queue: OrderQueue, books: Books, db: Databases, product: int, user: int
) -> None:
    await gw.set_stock(product, 10)
    ours, public = queue.new_id("f"), OrderIds.of_older_releases()
    forged = {
        order_message(user, product),
        order_message(user, product, ours),
        order_message(user, product, public.new("f")),
        order_message(user, product, public.new("b")),
    }

    await queue.write_raw(*map(Raw, forged))
    await eventually(lambda: _is_idle(queue), within=15)

    assert {letter.value for letter in await queue.dead_letters(forged)} == forged
    assert db.orders(product) == []
    await books.balance(product, sold=0)


async def test_a_copied_seal_makes_no_other_message_an_order(
    gw: Gateway, queue: OrderQueue, db: Databases, product: int, user: int
) -> None:
    await gw.set_stock(product, 10)
    mine = order_message(user, product, queue.new_id(), productCount=1)
    more = mine.replace(b'"productCount": 1', b'"productCount": 9')

    await queue.write_raw(Raw(more, headers=queue.sealed(mine).headers))
    await eventually(lambda: _is_idle(queue), within=15)

    assert db.orders(product) == []


async def test_a_header_that_nobody_can_use_costs_no_order(
    gw: Gateway, queue: OrderQueue, product: int, user: int
) -> None:
    await gw.set_stock(product, 10)
    order_id = queue.new_id()
    headers: list[tuple[str, str | bytes | None]] = [
        ("No Name\n", b"x"),
        ("", b"x"),
        ("\u00e9", b"x"),
        ("grpc-timeout", b"1n"),
        ("x-request-id", b"\xff"),
        ("dtm-gid", b"forged"),
    ]

    await queue.write_raw(queue.sealed(order_message(user, product, order_id), *headers))

    assert (await gw.settled(order_id, within=5))["status"] == "confirmed"


async def test_what_is_too_deep_or_too_large_is_buried_once_and_cut_and_the_next_order_is_placed(
    gw: Gateway, queue: OrderQueue, product: int, user: int
) -> None:
    await gw.set_stock(product, 10)
    deep, large = b"[" * 200_000, b"x" * (1_048_588 - 200)

    await queue.write_raw(Raw(deep), Raw(large), Raw(large, b"k" * 60), queue.sealed(deep))
    placed = await gw.notify(user, product)

    assert (await gw.settled(placed.order_id, within=5))["status"] == "confirmed"
    await eventually(lambda: _is_idle(queue), within=15)
    letters = await queue.dead_letters_starting(b"x" * 1_000)
    assert {letter.headers["cut"] for letter in letters} == {str(len(large))}
    places = [letter.headers["place"] for letter in letters]
    assert len(places) == len(set(places))


async def test_what_can_never_be_placed_is_put_aside_with_the_reason_and_the_queue_goes_on(
    gw: Gateway, queue: OrderQueue, books: Books, db: Databases, product: int, user: int
) -> None:
    await gw.set_stock(product, 10)
    handed_out = queue.new_id()
    poison = {
        b'{"userID": %d, "productID"' % user,
        b"[%d]" % user,
        b"\xff\xfe %d" % user,
        order_message(user, product, handed_out, productCount=0),
        order_message(user, product, queue.new_id(), amount=-1),
        order_message(user, product, queue.new_id(), userID="nobody"),
        order_message(user, product, "not-an-id-of-this-shop"),
        order_message(user, product, queue.new_id("o")),
    }
    sound = queue.new_id()

    await queue.write(*poison, order_message(user, product, sound))

    assert (await gw.settled(sound))["status"] == "confirmed"
    letters = await queue.dead_letters(poison)
    assert {letter.value for letter in letters} == poison
    assert all(letter.headers.get("reason") for letter in letters)
    assert [o["order_id"] for o in db.orders(product) if o["state"] != "cancelled"] == [sound]
    refused = await gw.settled(handed_out)
    assert refused["status"] == "refused"
    assert "productCount" in refused["reason"]
    await books.balance(product, sold=1, accepted=[sound])


async def test_an_empty_message_does_not_stop_the_queue(
    gw: Gateway, queue: OrderQueue, product: int, user: int
) -> None:
    await gw.set_stock(product, 10)
    sound = queue.new_id()

    await queue.write(None, b"", order_message(user, product, sound))

    assert (await gw.settled(sound))["status"] == "confirmed"


async def test_offsets_follow_when_every_order_is_final(
    gw: Gateway, queue: OrderQueue, product: int, user: int
) -> None:
    await gw.set_stock(product, 10)
    accepted = [await gw.notify(user, product) for _ in range(5)]
    for answer in accepted:
        await gw.settled(answer.order_id)

    await eventually(lambda: _is_idle(queue), within=15)


async def _is_idle(queue: OrderQueue) -> bool:
    return await queue.lag() == 0
