"""Two checkouts measured in turn on one machine, whose speed differs between one hour and the next by 30 %.

Each checkout measures itself with its own bench, on a stack that stays up while the other one is measured; what is
compared are the JSON files they leave.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from types import MappingProxyType
from typing import Any

from rich.table import Table

from eshop_deploy.stacks import BringUpError

BENCH = Path(".venv/bin/eshop-bench")
ESHOP = Path(".venv/bin/eshop")
REPORT = Path(".eshop/bench/bench.json")
# So many rows are measured before the other checkout has its turn: a turn costs a restart of the services.
ROWS_A_TURN = 6
# CPU that is not the suite's.
_LOAD = ("k6", "echo")


@dataclass(frozen=True)
class Side:
    """A checkout, and what is added to the ports of its stack."""

    root: Path
    offset: int

    def measure(self, rows: Sequence[str], *, short: bool) -> dict[str, Figures]:
        """One run of these rows. Raises BringUpError where the bench of that checkout fails twice."""
        settings = {"ROWS": ",".join(rows), "KEEP": "1", "BENCH_PORT_OFFSET": str(self.offset)}
        settings |= {"SHORT": "1"} if short else {}
        done = self._run(BENCH, env=settings)
        if done.returncode:  # services that were just restarted may refuse a first call
            done = self._run(BENCH, env=settings)
        if done.returncode:
            raise BringUpError(f"The bench of {self.root} failed: {done.stdout.strip()[-800:]}")
        report = json.loads((self.root / REPORT).read_text("utf-8"))
        return {row["name"]: Figures.of(row) for row in report["rows"] if row["name"] in rows}

    def take_down(self) -> None:
        self._run(ESHOP, "clean", "--stack", "bench", "--yes")

    def _run(
        self, program: Path, *arguments: str, env: Mapping[str, str] = MappingProxyType({})
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.root / program, *arguments],
            cwd=self.root,
            env={**_own_environment(), **env},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )


def _own_environment() -> dict[str, str]:
    """This process's, without what its own checkout was told."""
    told = {"ROWS", "REPEAT", "SHORT", "BASE", "STACK", "KEEP", "BENCH_PORT_OFFSET", "DOCS", "BEFORE"}
    return {name: value for name, value in os.environ.items() if name not in told and not name.startswith("ESHOP_")}


@dataclass(frozen=True)
class Figures:
    """Of one run of a row: answers a second, p50 in ms; CPU of each part and of k6 for an answer, in microseconds.

    What k6 does for an answer is the same on both sides: its CPU says how fast the machine was in that moment.
    """

    rate: float
    p50: float
    parts: Mapping[str, float]
    load: float

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Figures:
        answers = row["answers"].get(row["counts"], 0) or 1
        spent = {part: seconds / answers * 1e6 for part, seconds in row["cpu"].items() if part not in _LOAD}
        return cls(row["rate"], row["p50"], spent, row["cpu"].get("k6", 0.0) / answers * 1e6)

    @property
    def cpu(self) -> float:
        return sum(self.parts.values())


@dataclass(frozen=True)
class Pair:
    """The same row of both checkouts, one right after the other."""

    before: Figures
    after: Figures

    @property
    def rate(self) -> float:
        return self.after.rate / self.before.rate if self.before.rate else 0.0

    def __str__(self) -> str:
        rates = f"{self.before.rate:,.0f}/s before, {self.after.rate:,.0f}/s after"
        return f"{rates}, {self.rate:.2f} of it; CPU {self.cpu:.2f}"

    @property
    def cpu(self) -> float:
        """What an answer costs, after to before, in units of what it costs k6."""
        before, after = self.before.cpu * self.after.load, self.after.cpu * self.before.load
        return after / before if before else 0.0


def compare(
    before: Side, after: Side, rows: Sequence[str], rounds: int, tell: Callable[[str], None], *, short: bool = False
) -> Generator[tuple[str, Pair]]:
    """Measures the rows `rounds` times on each side, which begin in turn, and takes both stacks down.

    Gives each pair with the name of its row as soon as it is there.
    """
    try:
        for start in range(0, len(rows), ROWS_A_TURN):
            turn = rows[start : start + ROWS_A_TURN]
            for number in range(rounds):
                sides = (before, after) if number % 2 == 0 else (after, before)
                tell(f"{', '.join(turn)}: round {number + 1} of {rounds}")
                measured = {side: side.measure(turn, short=short) for side in sides}
                for row in turn:
                    yield row, Pair(measured[before][row], measured[after][row])
    finally:
        for side in (before, after):
            side.take_down()


def table(pairs: Mapping[str, Sequence[Pair]]) -> Table:
    """Medians; ratios are after to before, of runs that followed each other: least, median, greatest."""
    made = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for heading in (
        "row",
        "before/s",
        "after/s",
        "rate",
        "least",
        "greatest",
        "p50 before",
        "p50 after",
        "CPU us before",
        "CPU us after",
        "CPU",
    ):
        made.add_column(heading, justify="left" if heading == "row" else "right", no_wrap=True)
    for row, runs in pairs.items():
        made.add_row(row, *_cells(runs))
    return made


def _cells(runs: Sequence[Pair]) -> list[str]:
    rates = sorted(pair.rate for pair in runs)
    return [
        f"{median(pair.before.rate for pair in runs):,.0f}",
        f"{median(pair.after.rate for pair in runs):,.0f}",
        f"{median(rates):.2f}",
        f"{rates[0]:.2f}",
        f"{rates[-1]:.2f}",
        f"{median(pair.before.p50 for pair in runs):,.1f}",
        f"{median(pair.after.p50 for pair in runs):,.1f}",
        f"{median(pair.before.cpu for pair in runs):,.0f}",
        f"{median(pair.after.cpu for pair in runs):,.0f}",
        f"{median(pair.cpu for pair in runs):.2f}",
    ]


def as_json(pairs: Mapping[str, Sequence[Pair]]) -> dict[str, Any]:
    return {
        row: [{"before": asdict(pair.before), "after": asdict(pair.after)} for pair in runs]
        for row, runs in pairs.items()
    }


def parts(pairs: Mapping[str, Sequence[Pair]]) -> Table:
    """Where the CPU went: microseconds an answer in each part, before and after, medians."""
    names = sorted({name for runs in pairs.values() for pair in runs for name in pair.after.parts})
    made = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    made.add_column("CPU us", no_wrap=True)
    for name in names:
        made.add_column(name, justify="right", no_wrap=True)
    for row, runs in pairs.items():
        made.add_row(row, *(_spent(name, runs) for name in names))
    return made


def _spent(part: str, runs: Sequence[Pair]) -> str:
    before = median(pair.before.parts.get(part, 0.0) for pair in runs)
    after = median(pair.after.parts.get(part, 0.0) for pair in runs)
    return f"{before:.0f} → {after:.0f}"
