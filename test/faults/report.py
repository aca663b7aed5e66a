"""The table of results, as JSON to go on from and as markdown to read."""

import json
import os
import platform
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from run import Result
from scene import ROWS

HEAD = "| row | seed | accepted | refused | unknown | orders | converged after | verdict |"
RULE = "|---|---|---|---|---|---|---|---|"


class Report:
    """Results of earlier runs and of this one, in a file that is rewritten after each."""

    def __init__(self, path: Path, *, resume: bool) -> None:
        self._path = path
        self.results: list[Result] = []
        if resume and path.with_suffix(".json").is_file():
            found = json.loads(path.with_suffix(".json").read_text())
            self.results = [Result(**result) for result in found["results"]]

    def has(self, row: str, seed: int) -> bool:
        return any((r.row, r.seed) == (row, seed) and r.verdict == "ok" for r in self.results)

    def add(self, result: Result) -> None:
        self.results = [r for r in self.results if (r.row, r.seed) != (result.row, result.seed)] + [result]
        self._path.parent.mkdir(parents=True, exist_ok=True)
        about = machine()
        text = json.dumps(
            {"about": about, "results": [r.as_json() for r in self.results]}, indent=1, ensure_ascii=False
        )
        self._path.with_suffix(".json").write_text(text + "\n")
        self._path.with_suffix(".md").write_text(markdown(about, self.results))


def machine() -> str:
    """Machine, date and version of the code, in a line."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
    return (
        f"{time.strftime('%Y-%m-%d %H:%M')}, commit {commit or 'unknown'}, {os.cpu_count()} cores, {memory:.0f} GB,"
        f" {platform.system()} {platform.release()}, Python {platform.python_version()}"
    )


def line(result: Result) -> str:
    """One result as a line of the table."""
    took = "-" if result.seconds_to_converge is None else f"{result.seconds_to_converge:.0f} s"
    return (
        f"| {result.row} | {result.seed} | {result.accepted} | {result.refused} | {result.unknown} | {result.orders}"
        f" | {took} | {result.verdict} |"
    )


def markdown(about: str, results: Sequence[Result]) -> str:
    place = {name: number for number, name in enumerate(ROWS)}
    ordered = sorted(results, key=lambda r: (place.get(r.row, 99), r.seed))
    lines = ["# Fault matrix: report", "", f"Made by `make faults`: {about}.", "", HEAD, RULE, *map(line, ordered), ""]
    lines += ["| row | what happens in it |", "|---|---|", *(f"| {r.name} | {r.what} |" for r in ROWS.values())]
    for result in ordered:
        if result.problems:
            lines += ["", f"## {result.row}, seed {result.seed}: {result.verdict}", ""]
            lines += [f"- {problem}" for problem in result.problems[:10]]
    return "\n".join(lines) + "\n"
