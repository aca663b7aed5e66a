"""What counts as wrong in the books of a row."""

from dataclasses import replace

import pytest

from eshop_bench.books import Books, Loose, Promised, problems, promised

RIGHT = Books(offered=1000, orders=90, wrong=(), loose=Loose())
TOLD = Promised(surely=90)


def test_books_that_agree_have_no_problem() -> None:
    assert problems(RIGHT, TOLD) == []


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (replace(RIGHT, orders=89), "90 orders were accepted, and there are 89"),
        (replace(RIGHT, orders=91), "90 orders were accepted, and there are 91"),
        (replace(RIGHT, wrong=["I1 product 7: the ledger"]), "I1 product 7: the ledger"),
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
