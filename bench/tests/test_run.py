"""The order of a run."""

from collections.abc import Mapping
from contextlib import nullcontext

import pytest

from eshop_bench import run as run_module
from eshop_bench.results import Result
from eshop_bench.rows import ROWS, SHORT_SECONDS, Row, chosen
from eshop_bench.run import Run, Wish


@pytest.fixture(autouse=True)
def no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """The echo itself has a test of its own."""
    monkeypatch.setattr(run_module, "running_echo", lambda _host, _port: nullcontext(1))


class PretendBench:
    """Measures nothing: the echo does 1,000 a second, everything else 250."""

    def __init__(self) -> None:
        self.measured: list[str] = []
        self.seconds: list[float] = []
        self.warmed: list[str] = []

    def warm_up(self, rows: Mapping[str, Row]) -> None:
        self.warmed = list(rows)

    def measure(self, row: Row) -> Result:
        return self._result(row, 250.0)

    def echo(self, row: Row, _base: str, _pid: int) -> Result:
        return self._result(row, 1000.0)

    def _result(self, row: Row, rate: float) -> Result:
        self.measured.append(row.name)
        self.seconds.append(row.seconds)
        return Result(row.name, row.title, row.counts, row.users, row.seconds, rate, 1.0, 2.0, 3.0, {})


def run(wish: Wish) -> tuple[PretendBench, list[Result]]:
    bench, kept = PretendBench(), []
    Run(bench, "127.0.0.1", 1, kept.append).measure(wish)  # type: ignore[arg-type] - stands in for a Bench
    return bench, kept


def test_each_number_of_users_has_one_echo_right_before_its_first_row() -> None:
    bench, _ = run(Wish(chosen("flash-200,buffered-1000,order-200")))

    assert bench.measured == ["echo-200", "flash-200", "echo-1000", "buffered-1000", "order-200"]


def test_rows_are_compared_with_the_echo_and_the_echo_with_nothing() -> None:
    _, kept = run(Wish(chosen("flash-200")))

    assert [(result.name, result.ratio) for result in kept] == [("echo-200", None), ("flash-200", 0.25)]


def test_repeated_runs_measure_the_echo_again() -> None:
    bench, _ = run(Wish(chosen("flash-200"), repeat=2))

    assert bench.measured == ["echo-200", "flash-200"] * 2


def test_short_runs_last_two_seconds_a_row() -> None:
    bench, _ = run(Wish(chosen("flash-200"), is_short=True))

    assert bench.seconds == [SHORT_SECONDS] * 2


def test_every_kind_of_load_is_warmed_up_once() -> None:
    bench, _ = run(Wish(chosen("flash-200,flash-2000,buffered-1000,order-200,echo-10")))

    assert bench.warmed == ["flashSale.js sale", "submitOrder.js stock notify", "submitOrder.js stock"]


def test_rows_that_fill_the_order_table_can_be_left_out() -> None:
    kept = {row.name for row in Wish(ROWS).without_fills().rows}

    assert "list-0" in kept
    assert not kept & {"list-50k", "list-1m", "list-1m-deep"}
