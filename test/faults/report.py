"""The table of results, as JSON to go on from and as markdown to read."""

import fcntl
import json
import os
import platform
import subprocess
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from run import Result
from scene import ROWS

HEAD = "| row | seed | accepted | refused | unknown | orders | converged after | verdict | run |"
RULE = "|---|---|---|---|---|---|---|---|---|"


class Report:
    """The last result of each row and seed, in a file that is rewritten after each run."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.results: list[Result] = []
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._alone():
            self._read()

    @contextmanager
    def _alone(self) -> Generator[None]:
        """Keeps other matrices, which may have this report too, away from its files."""
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            yield
        finally:
            os.close(folder)

    def _read(self) -> None:
        file = self._path.with_suffix(".json")
        if file.is_file():
            self.results = [Result(**result) for result in json.loads(file.read_text())["results"]]

    def has(self, row: str, seed: int, without: str) -> bool:
        return any((r.row, r.seed, r.without) == (row, seed, without) and r.verdict == "ok" for r in self.results)

    def add(self, result: Result) -> None:
        """Writes it beside what another matrix has added since."""
        with self._alone():
            self._read()
            self.results = [r for r in self.results if _run(r) != _run(result)] + [result]
            self._write()

    def _write(self) -> None:
        about = machine()
        text = json.dumps(
            {"about": about, "results": [r.as_json() for r in self.results]}, indent=1, ensure_ascii=False
        )
        self._path.with_suffix(".json").write_text(text + "\n")
        self._path.with_suffix(".md").write_text(markdown(about, self.results))


def _run(result: Result) -> tuple[str, int, str]:
    return result.row, result.seed, result.without


def machine() -> str:
    """What it was run on, in a line."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} cores, {memory:.0f} GB, {platform.system()}, Python {platform.python_version()}"


def commit() -> str:
    """The version of the code, with a + where files were changed since; "" outside a checkout."""
    told = subprocess.run(["git", "describe", "--always", "--dirty=+"], capture_output=True, text=True)
    return told.stdout.strip()


def line(result: Result) -> str:
    """One result as a line of the table."""
    took = "-" if result.seconds_to_converge is None else f"{result.seconds_to_converge:.0f} s"
    row = f"{result.row} without {result.without}" if result.without else result.row
    return (
        f"| {row} | {result.seed} | {result.accepted} | {result.refused} | {result.unknown} | {result.orders}"
        f" | {took} | {result.verdict} | {result.when}, {result.commit} |"
    )


def _title(result: Result) -> str:
    off = f" without {result.without}" if result.without else ""
    return f"{result.row}{off}, seed {result.seed}: {result.verdict}"


def _summary(results: Sequence[Result]) -> list[str]:
    """A line for each row that was run: how many runs ended well, how long they took to converge."""
    lines = ["| row | what happens in it | runs | ok | converged after |", "|---|---|---|---|---|"]
    for name, its_row in ROWS.items():
        if runs := [result for result in results if result.row == name]:
            took = [round(result.seconds_to_converge) for result in runs if result.seconds_to_converge is not None]
            ends = sorted({min(took), max(took)}) if took else []
            spread = " to ".join(map(str, ends)) + " s" if ends else "-"
            good = sum(result.verdict == "ok" for result in runs)
            lines.append(f"| {name} | {its_row.what} | {len(runs)} | {good} | {spread} |")
    return lines


def markdown(about: str, results: Sequence[Result]) -> str:
    place = {name: number for number, name in enumerate(ROWS)}
    ordered = sorted(results, key=lambda r: (place.get(r.row, 99), r.seed))
    guarded = [result for result in ordered if not result.without]
    lines = ["# Fault matrix: report", "", f"Made by `make faults` on {about}.", "", *_summary(guarded), ""]
    lines += ["## Every run", "", HEAD, RULE, *map(line, guarded), ""]
    if never := [name for name in ROWS if not any(r.row == name and not r.without for r in results)]:
        lines += [f"Without a result: {', '.join(never)}.", ""]
    if unguarded := [line(result) for result in ordered if result.without]:
        lines += ["", "## With a guard switched off", "", HEAD, RULE, *unguarded]
    for result in ordered:
        if result.problems:
            lines += ["", f"## {_title(result)}", ""]
            lines += [f"- {problem}" for problem in result.problems[:10]]
    return "\n".join(lines) + "\n"
