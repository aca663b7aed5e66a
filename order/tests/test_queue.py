"""Orders to and from the queue: what was written is read; what is no order is told apart for good."""

import json

import pytest

from eshop_contract import OrderIds, OrderIdSettings
from eshop_order.orders import NewOrder
from eshop_order.queue import message as queue_message

IDS = OrderIds(OrderIdSettings())
GOOD = {"userID": 7, "productID": 1, "productCount": 2, "amount": 100, "couponID": 3}


def read(value: object, position: str = "t/0/5") -> NewOrder:
    return queue_message.read(json.dumps(value).encode(), IDS, position)


def test_what_was_written_is_read():
    order = NewOrder(IDS.new("f"), 2**63 + 7, 1, 2, 100, 3)
    assert queue_message.read(queue_message.write(order), IDS, "t/0/5") == order


def test_an_order_without_an_id_is_named_by_its_place_in_the_queue():
    first, again, other = read(GOOD), read(GOOD), read(GOOD, "t/0/6")
    assert first == again
    assert first.order_id != other.order_id
    assert IDS.kind(first.order_id) == "b"


def test_unknown_fields_do_no_harm():
    assert read({**GOOD, "colour": "red"}).product_count == 2


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
        ({"userID": None}, "userID"),
    ],
)
def test_a_message_that_can_never_be_placed_names_its_field(change, field):
    with pytest.raises(queue_message.PoisonedMessageError, match=field):
        read({**GOOD, **change})


@pytest.mark.parametrize("value", [None, b"", b"{", b"[]", b"null", b"\xff\xfe", b'"text"'])
def test_what_is_no_order_is_poisoned(value):
    with pytest.raises(queue_message.PoisonedMessageError):
        queue_message.read(value, IDS, "t/0/5")


def test_an_id_is_recognised_by_the_shop_that_made_it_only():
    foreign = OrderIds(OrderIdSettings(order_id_key="another key"))
    assert IDS.kind(foreign.new("b")) is None
    assert {IDS.kind(IDS.new(kind)) for kind in "obf"} == {"o", "b", "f"}


def salvaged(value: object) -> NewOrder | None:
    return queue_message.salvaged(json.dumps(value).encode(), IDS)


def test_of_a_message_that_can_never_be_placed_as_much_is_kept_as_can_be_read():
    order_id = IDS.new("f")
    bad = {"userID": "x", "productID": -1, "productCount": 2**32, "amount": 100, "orderID": order_id}
    assert salvaged(bad) == NewOrder(order_id, 0, 0, 0, 100, 0)
    assert salvaged({**GOOD, "orderID": order_id}) == NewOrder(order_id, 7, 1, 2, 100, 3)


@pytest.mark.parametrize("value", [{}, [], None, "text", GOOD, {**GOOD, "orderID": "x"}, {"orderID": IDS.new("o")}])
def test_a_message_without_an_id_that_was_handed_out_is_nobodys(value: object):
    assert salvaged(value) is None
    assert queue_message.salvaged(b"{", IDS) is None
    assert queue_message.salvaged(None, IDS) is None
