"""Who is at fault when there are too few units."""

import pytest

from eshop_stock.units import Stock, Units, shortage, total_by_product


def stocks(**left: int) -> dict[int, Stock]:
    return {int(name[1:]): Stock(int(name[1:]), stock, False) for name, stock in left.items()}


def faults(items: list[Units], have: dict[int, Stock]) -> dict[str, str]:
    refusal = shortage(items, have)
    return {fault.order_id: fault.code for fault in refusal.faults} if refusal else {}


def test_nobody_is_at_fault_when_there_is_enough():
    assert shortage([Units("a", 1, 2), Units("b", 1, 3), Units("c", 2, 1)], stocks(p1=5, p2=1)) is None


def test_orders_are_served_in_turn():
    items = [Units("a", 1, 2), Units("b", 1, 2), Units("c", 1, 2)]
    assert faults(items, stocks(p1=4)) == {"c": "OUT_OF_STOCK"}


def test_an_order_that_is_too_large_leaves_its_units_to_the_next():
    items = [Units("large", 1, 6), Units("small", 1, 5)]
    assert faults(items, stocks(p1=5)) == {"large": "OUT_OF_STOCK"}


def test_a_product_without_a_row_is_unknown():
    assert faults([Units("a", 1, 1), Units("b", 2, 1)], stocks(p1=1)) == {"b": "UNKNOWN_PRODUCT"}


def test_each_product_is_counted_for_itself():
    items = [Units("a", 1, 3), Units("b", 2, 3), Units("c", 1, 1), Units("d", 2, 1)]
    assert faults(items, stocks(p1=3, p2=4)) == {"c": "OUT_OF_STOCK"}


@pytest.mark.parametrize(
    ("stock", "reason"),
    [(0, "product 1 is sold out"), (2, "3 units of product 1 were ordered, but only 2 can be had")],
)
def test_the_reason_says_what_is_left(stock, reason):
    refusal = shortage([Units("a", 1, 3)], stocks(p1=stock))
    assert refusal
    assert [fault.reason for fault in refusal.faults] == [reason]


def test_the_reason_says_what_is_left_for_this_order():
    refusal = shortage([Units("a", 1, 2), Units("b", 1, 2), Units("c", 1, 1), Units("d", 1, 1)], stocks(p1=3))
    assert refusal
    assert [fault.reason for fault in refusal.faults] == [
        "2 units of product 1 were ordered, but only 1 can be had",
        "product 1 is sold out",
    ]


def test_the_answer_is_that_of_the_first_fault():
    for products, short in (((1, 2), "OUT_OF_STOCK"), ((2, 1), "UNKNOWN_PRODUCT")):
        refusal = shortage([Units("a", products[0], 1), Units("b", products[1], 1)], stocks(p1=0))
        assert refusal
        assert refusal.short == short


def test_totals_are_ordered_by_product_so_that_nobody_waits_in_a_ring():
    totals = total_by_product([Units("a", 9, 1), Units("b", 2, 2), Units("c", 5, 3), Units("d", 2, 4)])
    assert list(totals.items()) == [(2, 6), (5, 3), (9, 1)]
