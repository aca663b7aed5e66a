"""From the queue to final orders: what may pass is waited for, what can't be placed is put aside."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from shop_in_memory.shop import Shop

from aiodtm import DtmUnavailable
from eshop_contract import Refusal
from eshop_order.orders import Final, NewOrder
from eshop_order.queue import message as queue_message
from eshop_order.queue import placing
from eshop_order.queue.dead_letters import DeadLetters, Queued
from eshop_order.queue.placing import QueuePlacing
from protoc_gen_fastapi.runtime import Call, Unavailable

TOPIC = "dead"
TRIES = 3


class Placer:
    """Places everything, but for the orders of `faulty`; raises `away` as often as that says first."""

    def __init__(self) -> None:
        self.placed: list[str] = []
        self.refused: list[tuple[str, str, str]] = []
        self.faulty: dict[str, Exception] = {}
        self.away: list[Exception] = []
        self.tries = 0

    async def place(self, orders: Sequence[NewOrder], headers: Mapping[str, str]) -> dict[str, Final]:
        self.tries += 1
        if self.away:
            raise self.away.pop()
        for order in orders:
            if order.order_id in self.faulty:
                raise self.faulty[order.order_id]
        self.placed += [order.order_id for order in orders]
        return {}

    async def refuse(self, order: NewOrder, why: Refusal) -> None:
        self.refused.append((order.order_id, *why))


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placing, "PAUSES_SECONDS", (0.0,))
    monkeypatch.setattr("eshop_order.queue.dead_letters.TRY_AGAIN_SECONDS", 0.001)


@pytest.fixture
def placer() -> Any:
    return Placer()


@pytest.fixture
def desk(shop: Shop, placer: Any) -> QueuePlacing:
    letters = DeadLetters(shop.order_db, shop.orders, shop.queue, TOPIC)  # type: ignore[arg-type] - fakes
    return QueuePlacing(placer, letters, shop.ids, tries=TRIES)


def message(shop: Shop, order_id: str = "", number: int = 0, **changes: object) -> Queued:
    order = {"userID": 1, "productID": 1, "productCount": 1, "amount": 100, "orderID": order_id} | changes
    return Queued("key", json.dumps(order).encode(), {"x-request-id": "r"}, f"queue/0/{number}")


async def test_while_a_part_is_away_no_message_is_at_fault(shop: Shop, desk: QueuePlacing, placer: Placer) -> None:
    order_id = shop.ids.new("b")
    placer.away = [Unavailable("MySQL"), DtmUnavailable("DTM"), OSError("network")] * 10

    await desk.place([message(shop, order_id)])

    assert placer.placed == [order_id]
    assert placer.tries == 31
    assert shop.queue.messages == []


async def test_of_many_orders_the_one_at_fault_is_put_aside_and_the_others_are_placed(
    shop: Shop, desk: QueuePlacing, placer: Placer
) -> None:
    ids = [shop.ids.new("b") for _ in range(5)]
    placer.faulty[ids[2]] = ValueError("out of range")

    await desk.place([message(shop, order_id, number) for number, order_id in enumerate(ids)])

    assert placer.placed == [order_id for order_id in ids if order_id != ids[2]]
    [letter] = shop.queue.messages
    assert letter.value == message(shop, ids[2]).value
    assert letter.headers == {
        "x-request-id": "r",
        "reason": "ValueError: out of range",
        "position": "queue/0/2",
    }


async def test_an_error_that_goes_away_in_time_costs_no_order(shop: Shop, desk: QueuePlacing, placer: Placer) -> None:
    order_id = shop.ids.new("b")
    placer.away = [ValueError("now and then")] * (TRIES - 1)

    await desk.place([message(shop, order_id)])

    assert placer.placed == [order_id]
    assert shop.queue.messages == []


async def test_an_order_that_was_put_aside_has_an_outcome_that_says_so(
    shop: Shop, desk: QueuePlacing, placer: Placer
) -> None:
    order_id, waiting = shop.ids.new("b"), shop.ids.new("b")
    placer.faulty[order_id] = ValueError("out of range")
    await desk.place([message(shop, order_id)])

    outcomes = [await shop.office().service.get_outcome(_asks(name), Call.local()) for name in (order_id, waiting)]

    assert [outcome.status for outcome in outcomes] == ["accepted", "accepted"]
    assert ["put it aside" in outcome.reason for outcome in outcomes] == [True, False]


def _asks(order_id: str) -> Any:
    from eshop_protos.order.v1 import order_pb2

    return order_pb2.GetOutcomeRequest(orderID=order_id)


async def test_a_poisoned_message_that_names_an_order_of_ours_is_refused_for_whoever_asks(
    shop: Shop, desk: QueuePlacing, placer: Placer
) -> None:
    order_id = shop.ids.new("f")

    await desk.place([message(shop, order_id, productCount=0), message(shop, "foreign", productCount=0)])

    assert len(shop.queue.messages) == 2
    reason = "the order can't be placed: productCount: Input should be greater than 0"
    assert placer.refused == [(order_id, "DEAD_LETTER", reason)]
    assert placer.placed == []


async def test_a_dead_letter_waits_until_the_topic_answers(shop: Shop, desk: QueuePlacing) -> None:
    shop.queue.down = True
    sends = shop.queue.send_many

    async def third_time(topic: str, messages: Any) -> None:
        shop.queue.tried = getattr(shop.queue, "tried", 0) + 1
        shop.queue.down = shop.queue.tried < 3
        await sends(topic, messages)

    shop.queue.send_many = third_time
    await desk.place([message(shop, "foreign")])

    assert len(shop.queue.messages) == 1


class Kafka:
    """A message as confluent-kafka hands it over."""

    def __init__(self, value: bytes, offset: int, headers: list[tuple[str, bytes]]) -> None:
        self._value, self._offset, self._headers = value, offset, headers

    def key(self) -> bytes:
        return b"k"

    def value(self) -> bytes:
        return self._value

    def topic(self) -> str:
        return "queue"

    def partition(self) -> int:
        return 0

    def offset(self) -> int:
        return self._offset

    def headers(self) -> list[tuple[str, bytes]]:
        return self._headers


def test_an_order_without_an_id_keeps_its_name_when_it_is_replayed(shop: Shop) -> None:
    value = json.dumps({"userID": 1, "productID": 1, "productCount": 1, "amount": 100}).encode()
    first: Any = Kafka(value, 7, [])
    replayed: Any = Kafka(value, 90, [("position", b"queue/0/7"), ("replayed", b"1")])
    other: Any = Kafka(value, 91, [])

    names = [
        queue_message.read(m.value, shop.ids, m.position).order_id for m in map(Queued.of, (first, replayed, other))
    ]

    assert names[0] == names[1] != names[2]


async def test_a_replayed_message_that_fails_again_keeps_the_place_where_it_first_was(
    shop: Shop, desk: QueuePlacing
) -> None:
    again: Any = Kafka(b"no json", 90, [("position", b"queue/0/7"), ("reason", b"before"), ("replayed", b"1")])

    await desk.place([Queued.of(again)])

    [letter] = shop.queue.messages
    assert letter.headers["position"] == "queue/0/7"
    assert letter.headers["reason"] != "before"
