"""Choosing rows."""

import pytest

from eshop_bench.load import KINDS, SCRIPTS
from eshop_bench.results import Result
from eshop_bench.rows import BY_NAME, ROWS, SHORT_SECONDS, chosen, short


def test_without_a_wish_all_rows_run() -> None:
    assert chosen("") == list(ROWS)


def test_chosen_rows_keep_the_order_of_the_table() -> None:
    assert [row.name for row in chosen("order-200, flash-200")] == ["flash-200", "order-200"]


def test_the_echo_can_be_chosen_with_any_number_of_users() -> None:
    (row,) = chosen("echo-50")
    assert (row.is_echo, row.users) == (True, 50)


@pytest.mark.parametrize("name", ["flash", "echo-many", "flash-200,nothing"])
def test_a_row_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(KeyError):
        chosen(name)


def test_short_rows_are_short_and_never_longer_than_they_were() -> None:
    for row in ROWS:
        assert short(row).seconds == min(row.seconds, SHORT_SECONDS)


def test_every_row_has_its_script_and_counts_answers_that_scripts_know() -> None:
    for row in ROWS:
        assert (SCRIPTS / row.script).is_file(), row.script
        assert row.counts in KINDS


def test_every_floor_is_of_a_figure_and_of_a_row_that_exist() -> None:
    result = Result("", "", "", 1, 1.0, 1.0, 1.0, 1.0, 1.0, {})
    for floor in (floor for row in ROWS for floor in row.floors):
        assert hasattr(result, floor.figure), floor
        assert not floor.of or floor.of in BY_NAME, floor
