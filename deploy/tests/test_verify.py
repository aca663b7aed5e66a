"""The parts of `eshop verify` that need no store."""

from __future__ import annotations

import time
from typing import Any

import pytest

from eshop_chassis.kafka import Standing
from eshop_contract import OrderIds, OrderIdSettings, QueueSeal
from eshop_deploy.dead_letters import Fate, _judged
from eshop_deploy.verify.command import code_of
from eshop_deploy.verify.findings import Finding, Look, OnItsWay, persistent
from eshop_deploy.verify.queue import Letter, Names, lag, order_id_of, stalled, unaccounted
from eshop_deploy.verify.transactions import service_of

SECRET = OrderIdSettings(order_id_key="a secret for tests")
IDS, OLDER = OrderIds(SECRET), OrderIds.of_older_releases()
NAMES = Names("queue", "dead", "group", IDS, QueueSeal(SECRET))
LOST = Finding("I3", "order", "b1", "it is not there")


def letter(**headers: str) -> Letter:
    return Letter(0, 4, 0.0, "", headers, b"")


def test_a_dead_letter_that_does_not_tell_why_or_whence_is_named() -> None:
    assert list(unaccounted([letter(reason="why", position="queue/0/1")])) == []
    [found] = unaccounted([letter(reason="why")])
    assert str(found) == "I7 dead letter 4: has no header position"
    [found] = unaccounted([letter()])
    assert found.text == "has no header reason and no position"


def test_what_only_one_look_found_is_not_told() -> None:
    again = Finding("I3", "order", "b1", "still not there")
    assert persistent([LOST, Finding("I1", "product", "7", "x")], [again]) == (again,)


@pytest.mark.parametrize(
    ("findings", "on_its_way", "code"),
    [((), (), 0), ((LOST,), (), 1), ((), (OnItsWay("orders claimed", 3),), 2), ((LOST,), (OnItsWay("x", 1),), 1)],
)
def test_the_exit_code_tells_broken_from_unfinished(
    findings: tuple[Finding, ...], on_its_way: tuple[OnItsWay, ...], code: int
) -> None:
    assert code_of(Look(findings, on_its_way, {})) == code


def test_messages_below_the_end_are_on_their_way() -> None:
    assert lag([Standing(0, 0, 5, 5), Standing(1, 0, 7, 7)]) == []
    [way] = lag([Standing(0, 0, 5, 8), Standing(1, 0, 7, 9)])
    assert way.number == 5


def test_a_message_names_its_order_by_id_or_by_its_place() -> None:
    order_id = IDS.new("f")
    body = b'{"userID":1,"productID":1,"productCount":1,"amount":1%s}'
    assert order_id_of("queue/0/1", body % f',"orderID":"{order_id}"'.encode()) == order_id
    assert order_id_of("queue/0/1", body % b"") == OLDER.derived("b", "queue/0/1")
    assert order_id_of("queue/0/1", b"no order") is None


@pytest.mark.parametrize(
    ("url", "service"),
    [
        ("127.0.0.1:30382/api.stock.v1.stock/DeductMany", "stock"),
        ("http://127.0.0.1:30480/api/v1/coupon/use", "coupon"),
        ("127.0.0.1:30582/api.pay.v1.pay/CreateMany", "pay"),
        ("127.0.0.1:30282/api.order.v1.order/CreateMany", "order"),
        ("127.0.0.1:1/elsewhere/Do", ""),
    ],
)
def test_the_address_of_a_branch_tells_its_service(url: str, service: str) -> None:
    assert service_of(url) == service


class Reader:
    """A queue whose oldest message is `age` seconds old."""

    names = NAMES

    def __init__(self, age: float) -> None:
        self._age = age

    def read(self, *_place: object) -> list[Reader]:
        return [self]

    def timestamp(self) -> tuple[int, int]:
        return 1, int((time.time() - self._age) * 1000)


def test_a_queue_that_stands_still_is_told_unless_it_moved_between_two_looks() -> None:
    old: Any = Reader(90)
    young: Any = Reader(3)
    first, later = list(stalled(old, [Standing(0, 0, 5, 8)])), list(stalled(old, [Standing(0, 0, 6, 8)]))
    assert [str(f).partition(",")[0] for f in first] == ["I7 queue queue/0/5: 3 messages wait"]
    assert persistent(first, first)
    assert not persistent(first, later)
    assert not list(stalled(young, [Standing(0, 0, 5, 8)]))
    assert not list(stalled(old, [Standing(0, 0, 8, 8)]))


def test_only_letters_of_this_shop_wait_to_be_replayed() -> None:
    order_id, old_id = IDS.new("b"), OLDER.new("b")
    body = b'{"userID":1,"productID":1,"productCount":1,"amount":1%s}'

    def fate(named: str, until: int = 0, **headers: str) -> Fate:
        value = body % f',"orderID":"{named}"'.encode() if named else body % b""
        sealed = NAMES.seal.headers(value, {}) if headers.pop("sealed", "") else {}
        return _judged(NAMES, Letter(0, 4, 0.0, "", {"position": "queue/0/1", **sealed, **headers}, value), {0: until})

    assert fate(order_id, sealed="yes").state == "waiting"
    assert fate(order_id).state == "not written by this shop"
    assert fate(order_id, sealed="yes", cut="1040000").state == "cut, can't be replayed"
    older, nameless = fate(old_id, until=5), fate("", until=5)
    assert (older.order_id, older.state) == (old_id, "waiting")
    assert (nameless.order_id, nameless.state) == (OLDER.derived("b", "queue/0/1"), "waiting")
    assert all(NAMES.seal.fits(f.letter.value, f.letter.headers) for f in (older, nameless))
