"""Floors, medians, and what makes a row void."""

from dataclasses import replace

import pytest

from eshop_bench.results import Result, Verdict, spread, typical, verdicts
from eshop_bench.rows import BY_NAME, Floor

FLASH = Result("flash-200", "flash sale", "accepted", 200, 10.0, 2500.0, 70.0, 120.0, 200.0, {"accepted": 25_000})


def row(*floors: Floor):
    return replace(BY_NAME["flash-200"], floors=floors)


@pytest.mark.parametrize(
    ("floor", "text", "met"),
    [
        (Floor("rate", 2000), "rate ≥ 2,000", True),
        (Floor("rate", 2600), "rate ≥ 2,600", False),
        (Floor("p99", 220, at_most=True), "p99 ≤ 220", True),
        (Floor("p99", 199.9, at_most=True), "p99 ≤ 199.9", False),
        (Floor("failures", 0, at_most=True), "failures ≤ 0", True),
        (Floor("drained", 2, at_most=True), "drained ≤ 2", None),
    ],
)
def test_a_floor_is_met_or_not_or_not_measured(floor: Floor, text: str, met: bool | None) -> None:
    assert verdicts(row(floor), FLASH, {}) == [Verdict(text, met)]


@pytest.mark.parametrize(("rate", "met"), [(3000.0, True), (4000.0, False)])
def test_a_floor_may_be_a_share_of_another_row(rate: float, met: bool) -> None:
    floor = Floor("rate", 0.7, of="order-200")
    other = replace(FLASH, name="order-200", rate=rate)

    assert verdicts(row(floor), FLASH, {"order-200": other}) == [Verdict("rate ≥ 0.7 of order-200", met)]


def test_a_share_of_a_row_that_was_not_run_is_not_measured() -> None:
    assert verdicts(row(Floor("rate", 0.7, of="order-200")), FLASH, {})[0].met is None


def test_wrong_books_make_a_row_void_and_speed_never_does() -> None:
    assert not replace(FLASH, rate=1.0, p99=60_000.0, checked=True).void
    assert replace(FLASH, checked=True, problems=("there are 90 orders and 89 payments",)).void


def test_the_typical_run_has_the_median_rate() -> None:
    runs = [replace(FLASH, rate=rate) for rate in (900.0, 100.0, 500.0)]

    assert typical(runs).rate == 500
    assert typical(runs[:2]).rate == 100
    assert spread(runs) == (100, 500, 900)


def test_one_void_run_makes_the_row_void() -> None:
    runs = [FLASH, replace(FLASH, problems=("2 orders are not final",)), FLASH]

    assert typical(runs).void
