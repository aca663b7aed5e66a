"""Orders to and from the queue: what was written is read; what is no order is told apart for good."""

import json
from typing import get_args

import pytest
from shop_in_memory.queue import Past, queued
from shop_in_memory.shop import SECRET

from eshop_contract import MAX_ORDER_BYTES, PUBLISHED_KEY, SEAL, Kind, OrderIds, OrderIdSettings, QueueSeal
from eshop_order.orders import NewOrder
from eshop_order.queue import message as queue_message
from eshop_order.queue.message import OrderReader, PoisonedMessageError, Queued

IDS, SEALS, OLDER = OrderIds(SECRET), QueueSeal(SECRET), OrderIds.of_older_releases()
READER = OrderReader(SEALS, IDS, Past(until=100))
KINDS: tuple[Kind, ...] = get_args(Kind)
GOOD = {"userID": 7, "productID": 1, "productCount": 2, "amount": 100, "couponID": 3}


def sealed(value: object, **headers: str) -> Queued:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return queued(body, 500, SEALS.headers(body, headers))


def read(value: object) -> NewOrder:
    return READER.read(sealed(value))


def test_what_was_written_is_read():
    order = NewOrder(IDS.new("f"), 2**63 + 7, 1, 2, 100, 3)
    assert read(queue_message.write(order)) == order


def test_a_message_that_this_installation_did_not_seal_is_no_order():
    body = json.dumps({**GOOD, "orderID": IDS.new("f")}).encode()
    other = QueueSeal(OrderIdSettings(order_id_key="another key"))
    changed = SEALS.headers(body + b" ", {})
    for headers in ({}, other.headers(body, {}), changed, {SEAL: ""}, {SEAL: "\u00e9" * 64}):
        with pytest.raises(PoisonedMessageError, match="did not write it") as told:
            READER.read(queued(body, 500, headers))
        assert told.value.order is None, "whoever wrote it must not end somebody's order"


def test_a_message_from_before_there_were_seals_is_read_by_the_rule_of_then():
    old_id, position = OLDER.new("f"), "queue/0/7"
    assert READER.read(queued(json.dumps({**GOOD, "orderID": old_id}).encode(), 99)).order_id == old_id
    assert READER.read(queued(json.dumps(GOOD).encode(), 7)).order_id == OLDER.derived("b", position)
    replayed = queued(json.dumps(GOOD).encode(), 90, {"position": position})
    assert READER.read(replayed).order_id == OLDER.derived("b", position)
    with pytest.raises(PoisonedMessageError):
        READER.read(queued(json.dumps({**GOOD, "orderID": old_id}).encode(), 100))


def test_a_unit_that_an_older_release_sold_is_placed_when_this_one_writes_its_order():
    assert read({**GOOD, "orderID": (old_id := OLDER.new("f"))}).order_id == old_id


def test_the_published_key_makes_no_ids_of_this_shop():
    with pytest.raises(ValueError, match="known to everybody"):
        OrderIdSettings(order_id_key=PUBLISHED_KEY)
    assert IDS.kind(OLDER.new("b")) is None


@pytest.mark.parametrize(
    "value",
    [b"[" * 200_000, b'{"a":' * 60_000, b"[" * (MAX_ORDER_BYTES - 1), b" " * 1_000_000, b"\x00" * 70_000],
)
def test_however_deep_or_large_a_message_is_it_is_judged(value: bytes):
    for message in (queued(value, 500), queued(value, 5), sealed(value)):
        with pytest.raises(PoisonedMessageError):
            READER.read(message)


def test_a_header_that_can_t_travel_on_is_left_out():
    for request_id in ("a\nb", "\u00e9", "", "x" * 1_000):
        assert sealed(GOOD, **{"x-request-id": request_id, "X Y": "1"}).carried == {}
    assert sealed(GOOD, **{"x-request-id": "r-1", "other": "2"}).carried == {"x-request-id": "r-1"}


def test_a_position_that_names_no_place_is_not_believed():
    assert sealed(GOOD, position="queue/1/2").position == "queue/1/2"
    for wrong in ("", "queue", "queue/1/x", "que ue/1/2", "q/1/" + "9" * 400):
        assert sealed(GOOD, position=wrong).position == "queue/0/500"


def test_unknown_fields_do_no_harm():
    assert read({**GOOD, "orderID": IDS.new("b"), "colour": "red"}).product_count == 2


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"userID": 0}, "userID"),
        ({"productID": -1}, "productID"),
        ({"productCount": 2**32}, "productCount"),
        ({"amount": 0}, "amount"),
        ({"amount": "much"}, "amount"),
        ({"couponID": -1}, "couponID"),
        ({"orderID": "o" * 26}, "orderID"),
        ({"orderID": IDS.new("o")}, "orderID"),
        ({"orderID": "somebody's"}, "orderID"),
        ({"orderID": ""}, "orderID"),
        ({"userID": None}, "userID"),
    ],
)
def test_a_message_that_can_never_be_placed_names_its_field(change, field):
    with pytest.raises(PoisonedMessageError, match=field):
        read({**GOOD, "orderID": IDS.new("b"), **change})


@pytest.mark.parametrize("value", [None, b"", b"{", b"[]", b"null", b"\xff\xfe", b'"text"'])
def test_what_is_no_order_is_poisoned(value):
    with pytest.raises(PoisonedMessageError):
        READER.read(queued(value, 5))
    with pytest.raises(PoisonedMessageError):
        read(value or b"")


def test_an_id_is_recognised_by_the_shop_that_made_it_only():
    foreign = OrderIds(OrderIdSettings(order_id_key="another key"))
    assert IDS.kind(foreign.new("b")) is None
    assert {IDS.kind(IDS.new(kind)) for kind in KINDS} == {"o", "b", "f"}


def salvaged(value: object) -> NewOrder | None:
    with pytest.raises(PoisonedMessageError) as told:
        read(value)
    return told.value.order


def test_of_a_message_that_can_never_be_placed_as_much_is_kept_as_can_be_read():
    order_id = IDS.new("f")
    bad = {"userID": "x", "productID": -1, "productCount": 2**32, "amount": 100, "orderID": order_id}
    assert salvaged(bad) == NewOrder(order_id, 0, 0, 0, 100, 0)
    assert salvaged({**GOOD, "amount": 0, "orderID": order_id}) == NewOrder(order_id, 7, 1, 2, 0, 3)


@pytest.mark.parametrize("value", [{}, [], None, "text", {**GOOD, "orderID": "x"}, {"orderID": IDS.new("o")}, b"{"])
def test_a_message_without_an_id_that_was_handed_out_is_nobodys(value: object):
    assert salvaged(value) is None
