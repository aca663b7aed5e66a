"""What came of a row, and whether it holds its floors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from eshop_bench.rows import Floor, Row


@dataclass(frozen=True)
class Result:
    """The figures of one run of a row; rates are per second, p50 to p99 ms, `cpu` seconds and `memory` MB by process.

    Where there are no stores, or the row places no orders, what is read from them is None. `problems` are wrong books.
    """

    name: str
    title: str
    counts: str
    users: int
    seconds: float
    rate: float
    p50: float
    p95: float
    p99: float
    answers: Mapping[str, int]
    ratio: float | None = None
    end_to_end: float | None = None
    placed: float | None = None
    drained: float | None = None
    missing: int | None = None
    checked: bool = False
    problems: Sequence[str] = ()
    cpu: Mapping[str, float] = field(default_factory=dict[str, float])
    memory: Mapping[str, float] = field(default_factory=dict[str, float])

    @property
    def failures(self) -> int:
        return self.answers.get("failures", 0)

    @property
    def wrong(self) -> int:
        return self.answers.get("wrong", 0)

    @property
    def void(self) -> bool:
        return bool(self.problems)


@dataclass(frozen=True)
class Verdict:
    """One floor: its text, and whether the figure holds it; None where there is no figure to compare."""

    text: str
    met: bool | None


def verdicts(row: Row, result: Result, others: Mapping[str, Result]) -> list[Verdict]:
    return [_verdict(floor, result, others) for floor in row.floors]


def _verdict(floor: Floor, result: Result, others: Mapping[str, Result]) -> Verdict:
    sign = "≤" if floor.at_most else "≥"
    if not floor.of:
        return Verdict(f"{floor.figure} {sign} {floor.limit:,g}", _holds(floor, result, floor.limit))
    text = f"{floor.figure} {sign} {floor.limit:g} of {floor.of}"
    other = others.get(floor.of)
    limit = None if other is None else _figure(floor, other) * floor.limit
    return Verdict(text, None if limit is None else _holds(floor, result, limit))


def _holds(floor: Floor, result: Result, limit: float) -> bool | None:
    figure = getattr(result, floor.figure)
    if figure is None:
        return None
    return figure <= limit if floor.at_most else figure >= limit


def _figure(floor: Floor, result: Result) -> float:
    return float(getattr(result, floor.figure))


def typical(runs: Sequence[Result]) -> Result:
    """The run with the median rate, the lower one of two; a void run stands above all others."""
    if wrong := [run for run in runs if run.void]:
        return wrong[0]
    ordered = sorted(runs, key=lambda run: run.rate)
    return ordered[(len(ordered) - 1) // 2]


def spread(runs: Sequence[Result]) -> tuple[float, float, float]:
    """Least, median and greatest rate."""
    rates = [run.rate for run in runs]
    return min(rates), median(rates), max(rates)
