"""What counts as wrong in the books of a row."""

from dataclasses import replace

import pytest

from eshop_bench.books import Books, Loose, Promised, Sale, problems, promised

RIGHT = Books(
    offered=1000,
    orders=90,
    payments=90,
    paid_wrongly=0,
    stocks={7: 910},
    ledgers={7: 910},
    ordered={7: 90},
    live={7: 90},
    sales={7: Sale(offered=1000, left=910, accepted=92, returned=2)},
    loose=Loose(),
)
TOLD = Promised(surely=90)


def test_books_that_agree_have_no_problem() -> None:
    assert problems(RIGHT, TOLD) == []


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (replace(RIGHT, orders=89, payments=89, live={7: 89}), "90 orders were accepted, and there are 89"),
        (replace(RIGHT, orders=91, payments=91), "90 orders were accepted, and there are 91"),
        (replace(RIGHT, payments=89), "there are 90 orders and 89 payments"),
        (replace(RIGHT, payments=91), "there are 90 orders and 91 payments"),
        (replace(RIGHT, paid_wrongly=1), "1 payments are not of their order's amount"),
        (replace(RIGHT, ledgers={7: 911}), "product 7: the ledger adds up to 911, the stock is 910"),
        (replace(RIGHT, ledgers={}), "product 7: the ledger adds up to 0, the stock is 910"),
        (replace(RIGHT, ordered={7: 91}), "product 7: the ledger has 91 units ordered, live orders have 90"),
        (replace(RIGHT, stocks={7: 909}, ledgers={7: 909}), "product 7: 910 units are left in Redis, 909 in MySQL"),
        (replace(RIGHT, sales={7: Sale(1000, 910, 93, 2)}), "product 7: the sale doesn't add up"),
        (replace(RIGHT, offered=80), "90 units were sold of 80"),
        (replace(RIGHT, loose=Loose(orders=3)), "3 orders are not final"),
        (replace(RIGHT, loose=Loose(transactions=1)), "1 transactions have not ended"),
        (replace(RIGHT, loose=Loose(payments=2)), "2 payments belong to no order"),
        (replace(RIGHT, loose=Loose(coupons=1)), "1 coupons are used"),
        (replace(RIGHT, loose=Loose(miscounted=-1)), "totals of lists are off by -1"),
    ],
)
def test_every_wrong_entry_is_told(wrong: Books, told: str) -> None:
    assert any(problem.startswith(told) for problem in problems(wrong, TOLD)), problems(wrong, TOLD)


def test_an_answer_that_was_somebody_elses_is_wrong_whatever_the_stores_say() -> None:
    assert problems(RIGHT, replace(TOLD, wrong=1)) == ["1 buyers got an answer that was not theirs"]


def test_open_answers_may_be_orders_and_may_be_none() -> None:
    told = promised({"confirmed": 85, "running": 4, "failures": 1, "sold_out": 50, "refused": 3}, sold_before=0)

    assert told == Promised(surely=85, perhaps=5)
    assert problems(RIGHT, told) == []
    assert problems(RIGHT, replace(told, perhaps=4)) != []


def test_what_was_sold_before_the_load_was_promised_as_well() -> None:
    assert promised({"sold_out": 4000}, sold_before=10).surely == 10


def test_a_row_does_not_answer_for_what_was_there_before() -> None:
    before = Loose(orders=2, transactions=5, payments=1, coupons=4, miscounted=3)

    assert before.since(before) == Loose()
    assert replace(before, transactions=6).since(before) == Loose(transactions=1)
