"""From the queue to final orders: what may pass is waited for, what can't be placed is put aside."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from shop_in_memory.queue import Letters, MemoryBurials, Past, queued
from shop_in_memory.shop import Shop

from aiodtm import DtmUnavailable
from eshop_chassis.kafka import MessageRefused
from eshop_contract import Refusal
from eshop_order.orders import Final, NewOrder
from eshop_order.queue import placing
from eshop_order.queue.dead_letters import Burial, DeadLetters
from eshop_order.queue.message import OrderReader, Queued
from eshop_order.queue.placing import QueuePlacing
from protoc_gen_fastapi.runtime import Call, Unavailable

TOPIC = "dead"
TRIES = 3


class Died(BaseException):
    """Ends a process in the middle."""


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
        self.refused.append((order.order_id, why.short, why.reason))


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placing, "PAUSES_SECONDS", (0.0,))
    monkeypatch.setattr("eshop_order.queue.dead_letters.TRY_AGAIN_SECONDS", 0.001)


@pytest.fixture
def placer() -> Any:
    return Placer()


@pytest.fixture
def desk(shop: Shop, placer: Any) -> QueuePlacing:
    return new_desk(shop, placer)


def new_desk(shop: Shop, placer: Any) -> QueuePlacing:
    """The consumer's work in a new process."""
    letters = DeadLetters(shop.order_db, shop.orders, MemoryBurials(), Letters(shop.queue), shop.queue, TOPIC)  # type: ignore[arg-type] - fakes
    return QueuePlacing(placer, letters, OrderReader(shop.seal, shop.ids, Past()), tries=TRIES)


async def settle(desk: QueuePlacing, messages: Sequence[Queued]) -> None:
    """Brings messages to an end, those too that go on beside the polls."""
    failed = await desk.place(messages)
    await asyncio.gather(*(desk.insist(sound) for sound in failed))


def message(shop: Shop, order_id: str = "", number: int = 0, **changes: object) -> Queued:
    order = {"userID": 1, "productID": 1, "productCount": 1, "amount": 100, "orderID": order_id} | changes
    value = json.dumps(order).encode()
    return queued(value, number, shop.seal.headers(value, {"x-request-id": "r"}))


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

    await settle(desk, [message(shop, order_id, number) for number, order_id in enumerate(ids)])

    assert set(placer.placed) == set(ids) - {ids[2]}
    [letter] = shop.queue.messages
    assert letter.value == message(shop, ids[2]).value
    assert letter.headers == message(shop, ids[2]).headers | {
        "reason": "ValueError: out of range",
        "position": "queue/0/2",
        "place": "queue/0/2",
    }


async def test_an_order_that_fails_alone_makes_no_other_wait(
    shop: Shop, desk: QueuePlacing, placer: Placer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(placing, "PAUSES_SECONDS", (3600.0,))
    ids = [shop.ids.new("b") for _ in range(20)]
    placer.faulty = {ids[0]: ValueError("x"), ids[13]: ValueError("y")}

    async with asyncio.timeout(60):  # of the hour that the failed ones wait
        failed = await desk.place([message(shop, order_id, number) for number, order_id in enumerate(ids)])

    assert {sound.order.order_id for sound in failed} == {ids[0], ids[13]}
    assert set(placer.placed) == set(ids) - {ids[0], ids[13]}
    assert shop.queue.messages == []


async def test_an_error_that_goes_away_in_time_costs_no_order(shop: Shop, desk: QueuePlacing, placer: Placer) -> None:
    order_id = shop.ids.new("b")
    placer.away = [ValueError("now and then")] * (TRIES - 1)

    await settle(desk, [message(shop, order_id)])

    assert placer.placed == [order_id]
    assert shop.queue.messages == []


async def test_an_order_that_was_put_aside_has_an_outcome_that_says_so(
    shop: Shop, desk: QueuePlacing, placer: Placer
) -> None:
    order_id, waiting = shop.ids.new("b"), shop.ids.new("b")
    placer.faulty[order_id] = ValueError("out of range")
    await settle(desk, [message(shop, order_id)])

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

    await desk.place([message(shop, order_id, productCount=0), message(shop, "foreign", 1, productCount=0)])

    assert len(shop.queue.messages) == 2
    reason = "the order can't be placed: productCount: Input should be greater than 0"
    assert placer.refused == [(order_id, "DEAD_LETTER", reason)]
    assert placer.placed == []


async def test_a_foreign_message_that_names_somebodys_order_ends_nothing(
    shop: Shop, desk: QueuePlacing, placer: Placer
) -> None:
    forged = queued(message(shop, shop.ids.new("b"), productCount=0).value)

    await desk.place([forged])

    assert len(shop.queue.messages) == 1
    assert placer.refused == []


async def test_a_dead_letter_waits_until_the_topic_answers_and_is_written_once(
    shop: Shop, desk: QueuePlacing, placer: Placer
) -> None:
    lose_answers(shop, 2)

    await desk.place([message(shop, "foreign")])
    await new_desk(shop, placer).place([message(shop, "foreign")])

    assert len(shop.queue.messages) == 1


async def test_a_process_that_dies_before_it_has_noted_a_letter_as_written_is_followed_by_one_that_writes_none(
    shop: Shop, desk: QueuePlacing, placer: Placer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def dies(*_: object) -> None:
        raise Died

    monkeypatch.setattr(MemoryBurials, "end", dies)
    with pytest.raises(Died):
        await desk._letters.bury([Burial(message(shop, "foreign"), "why")])
    monkeypatch.undo()
    await new_desk(shop, placer).place([message(shop, "foreign"), message(shop, "foreign", 1)])

    assert [letter.headers["place"] for letter in shop.queue.messages] == ["queue/0/0", "queue/0/1"]


@pytest.mark.parametrize("most", [1_000_100, 20_000])
async def test_a_letter_that_would_be_too_large_is_cut_and_keeps_its_place(
    shop: Shop, desk: QueuePlacing, most: int
) -> None:
    take_at_most(shop, most)
    large = queued(b"\xff" * 1_040_000, 3, {f"h{n}": "v" * 1_500 for n in range(50)})

    await desk.place([large])

    [letter] = shop.queue.messages
    assert large.value.startswith(letter.value)
    assert (letter.headers["place"], letter.headers["cut"]) == ("queue/0/3", "1040000")


async def test_a_message_of_which_kafka_takes_no_letter_at_all_does_not_stop_the_queue(
    shop: Shop, desk: QueuePlacing, placer: Placer
) -> None:
    take_at_most(shop, 0)
    order_id = shop.ids.new("b")

    await desk.place([queued(b"x"), message(shop, order_id, 1)])

    assert placer.placed == [order_id]


def lose_answers(shop: Shop, times: int) -> None:
    """The queue takes what it is sent, and says so only after that many times."""
    sends = shop.queue.send_each

    async def send(topic: str, messages: Any) -> list[Unavailable | None]:
        nonlocal times
        times -= 1
        answers = await sends(topic, messages)
        return answers if times < 0 else [Unavailable("no answer")] * len(messages)

    shop.queue.send_each = send


def take_at_most(shop: Shop, most: int) -> None:
    """The queue refuses messages of more bytes."""
    sends = shop.queue.send_each

    async def send(topic: str, messages: Any) -> list[Unavailable | None]:
        sizes = [len(m.key) + len(m.value) + sum(len(k) + len(v) for k, v in m.headers.items()) for m in messages]
        await sends(topic, [m for m, size in zip(messages, sizes, strict=True) if size <= most])
        return [None if size <= most else MessageRefused("too large") for size in sizes]

    shop.queue.send_each = send


class Kafka:
    """A message as confluent-kafka hands it over; `headers` may be what it raises for a name that is no text."""

    def __init__(self, value: bytes | None, headers: Any, key: bytes | None = None) -> None:
        self._value, self._headers, self._key = value, headers, key

    def key(self) -> bytes | None:
        return self._key

    def value(self) -> bytes | None:
        return self._value

    def topic(self) -> str:
        return "queue"

    def partition(self) -> int:
        return 0

    def offset(self) -> int:
        return 90

    def headers(self) -> Any:
        if isinstance(self._headers, BaseException):
            raise self._headers
        return self._headers


@pytest.mark.parametrize(
    ("headers", "kept"),
    [
        (None, {}),
        (SystemError("returned a result with an exception set"), {}),
        (
            [("a", None), ("b", b"\xff"), ("", b"x"), ("c\n", b"x"), ("\u00e9", b"x"), ("d", b"1"), ("d", b"2")],
            {"a": "", "d": "2"},
        ),
        ([("long" * 100, b"x"), ("e", b"x" * 10_000)], {}),
        ([(str(n), b"x") for n in range(1_000)], {str(n): "x" for n in range(50)}),
    ],
)
def test_of_a_message_s_headers_only_short_text_is_kept(headers: Any, kept: dict[str, str]) -> None:
    message: Any = Kafka(None, headers, b"\xff\x00")
    assert Queued.of(message).headers == kept


async def test_a_replayed_message_that_fails_again_keeps_the_place_where_it_first_was(
    shop: Shop, desk: QueuePlacing
) -> None:
    again: Any = Kafka(b"no json", [("position", b"queue/0/7"), ("reason", b"before"), ("replayed", b"1")])

    await desk.place([Queued.of(again)])

    [letter] = shop.queue.messages
    assert (letter.headers["position"], letter.headers["place"]) == ("queue/0/7", "queue/0/90")
    assert letter.headers["reason"] != "before"
