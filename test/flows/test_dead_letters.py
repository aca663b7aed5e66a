"""`make dead-letters`: what was put aside is listed and goes into the queue again, as often as one likes."""

import json

import pytest
from books import Books
from confluent_kafka import Producer
from databases import Databases
from gateway_client import Gateway
from patience import eventually
from queue_messages import OrderQueue, order_message
from running_stack import RunningStack

from eshop_contract import OrderIdSettings, QueueSeal
from eshop_deploy.dead_letters import Fate, fates, write_again
from eshop_deploy.settings import read_settings
from eshop_deploy.verify.queue import open_queue


@pytest.fixture(scope="module")
def queue(stack: RunningStack) -> OrderQueue:
    return OrderQueue(stack)


def _put_aside(stack: RunningStack, value: bytes, position: str, *, sealed: bool = True) -> None:
    """As the consumer does with what it can't place for now."""
    producer = Producer({"bootstrap.servers": stack.address("KAFKA"), "acks": "all"})
    seal = QueueSeal(OrderIdSettings(order_id_key=stack["ESHOP_ORDER_ID_KEY"])).headers(value, {}) if sealed else {}
    headers: list[tuple[str, str | bytes | None]] = [("reason", "a test"), ("position", position), *seal.items()]
    producer.produce(stack["ESHOP_KAFKA_DEAD_LETTER_TOPIC"], value, "key", headers=headers)
    assert producer.flush(10) == 0


def _listed(stack: RunningStack, value: bytes) -> list[Fate]:
    settings = read_settings(stack.env)
    with open_queue(settings) as reader:
        return [fate for fate in fates(settings, reader) if fate.letter.value == value]


def _replay(stack: RunningStack, *found: Fate) -> None:
    settings = read_settings(stack.env)
    with open_queue(settings) as reader:
        write_again(settings, reader, [fate.letter for fate in found])


async def test_an_order_that_is_replayed_twice_is_placed_once(
    gw: Gateway, stack: RunningStack, queue: OrderQueue, books: Books, db: Databases, product: int, user: int
) -> None:
    await gw.set_stock(product, 10)
    order_id = queue.new_id()
    message = order_message(user, product, order_id)
    _put_aside(stack, message, "elsewhere/0/1")
    [fate] = _listed(stack, message)
    assert (fate.order_id, fate.state, fate.letter.headers["reason"]) == (order_id, "waiting", "a test")

    _replay(stack, fate)
    _replay(stack, fate, fate)
    assert (await gw.settled(order_id))["status"] == "confirmed"
    await eventually(lambda: _is_idle(queue), within=20)

    assert [order["order_id"] for order in db.orders(product)] == [order_id]
    assert [fate.state for fate in _listed(stack, message)] == ["confirmed"]
    await books.balance(product, sold=1, accepted=[order_id])


async def test_a_letter_that_this_suite_did_not_write_is_told_and_a_replay_places_nothing(
    gw: Gateway, stack: RunningStack, queue: OrderQueue, db: Databases, product: int, user: int
) -> None:
    await gw.set_stock(product, 10)
    message = order_message(user, product, queue.new_id("f"))
    _put_aside(stack, message, f"elsewhere/3/{product}", sealed=False)
    [fate] = _listed(stack, message)
    assert fate.state == "not written by this shop"

    _replay(stack, fate)
    await eventually(lambda: len(_listed(stack, message)) == 2, within=20)

    assert db.orders(product) == []


async def test_what_is_no_order_is_put_aside_again_with_the_same_place(
    stack: RunningStack, queue: OrderQueue, user: int
) -> None:
    poison = json.dumps({"userID": user, "not": "an order"}).encode()
    await queue.write(poison)
    [first] = await eventually(lambda: _listed(stack, poison), within=20)
    assert first.state == "not an order"

    _replay(stack, first)
    both = await eventually(lambda: found if len(found := _listed(stack, poison)) == 2 else None, within=20)

    assert {fate.letter.position for fate in both} == {first.letter.position}
    assert all(fate.letter.headers["reason"] for fate in both)


async def test_an_order_whose_message_can_never_be_placed_is_refused_with_the_reason(
    gw: Gateway, queue: OrderQueue, product: int, user: int
) -> None:
    order_id = queue.new_id()
    await queue.write(order_message(user, product, order_id, productCount=0))

    outcome = await gw.settled(order_id)

    assert outcome["status"] == "refused"
    assert "productCount" in outcome["reason"]


async def _is_idle(queue: OrderQueue) -> bool:
    return await queue.lag() == 0
