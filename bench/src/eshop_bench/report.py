"""What a run leaves behind: the table on the screen, the figures as JSON, the picture."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console

from eshop_bench.picture import draw
from eshop_bench.results import Result, Verdict, spread, typical, verdicts
from eshop_bench.rows import BY_NAME
from eshop_bench.table import table, verdict_text
from eshop_bench.usage import services_mb

# Tables are not broken into a terminal's width: a line is a row.
WIDTH = 320
# Floors for the eight services, MB.
IDLE_MB, AFTER_MB = 700, 900


@dataclass
class Report:
    """`runs` holds all runs of each row; `idle` is the memory in MB by process before the first row."""

    runs: dict[str, list[Result]] = field(default_factory=dict[str, list[Result]])
    idle: Mapping[str, float] = field(default_factory=dict[str, float])
    note: str = ""

    def keep(self, result: Result) -> None:
        self.runs.setdefault(result.name, []).append(result)

    @property
    def results(self) -> list[Result]:
        return [typical(runs) for runs in self.runs.values()]

    @property
    def void(self) -> list[Result]:
        return [run for runs in self.runs.values() for run in runs if run.void]

    def floors(self) -> dict[str, list[Verdict]]:
        results = {result.name: result for result in self.results}
        return {name: verdicts(BY_NAME[name], result, results) for name, result in results.items() if name in BY_NAME}

    def memory(self) -> list[Verdict]:
        """What the eight services hold before the first row and after the last one; nothing where that is unknown."""
        after = next((memory for result in reversed(self.results) if (memory := services_mb(result.memory))), 0.0)
        if not self.idle or not after:
            return []
        idle = services_mb(self.idle)
        return [
            Verdict(f"idle {idle:.0f} MB ≤ {IDLE_MB}", idle <= IDLE_MB),
            Verdict(f"after {after:.0f} MB ≤ {AFTER_MB}", after <= AFTER_MB),
        ]

    def show(self, console: Console) -> None:
        wide = Console(file=console.file, width=WIDTH, highlight=False)
        wide.print(table(self.results, self.floors()))
        for verdict in self.memory():
            wide.print(f"memory of the eight services: {verdict_text([verdict])}")
        for run in self.void:
            for problem in run.problems:
                console.print(f"[red]{run.name}[/]: {problem}")

    def as_json(self) -> dict[str, Any]:
        return {
            "when": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
            "machine": {"cores": os.cpu_count(), "system": platform.system(), "python": platform.python_version()},
            "note": self.note,
            "idle_memory_mb": dict(self.idle),
            "memory": [asdict(verdict) for verdict in self.memory()],
            "rows": [self._row(name, runs) for name, runs in self.runs.items()],
        }

    def _row(self, name: str, runs: Sequence[Result]) -> dict[str, Any]:
        floors = [asdict(verdict) for verdict in self.floors().get(name, [])]
        rates = dict(zip(("least", "median", "greatest"), spread(runs), strict=True))
        shown = typical(runs)
        return {**asdict(shown), "void": shown.void, "floors": floors, "rates": rates, "runs": len(runs)}

    def save(self, folder: Path) -> list[Path]:
        """Writes bench.json and bench.svg."""
        folder.mkdir(parents=True, exist_ok=True)
        figures, picture = folder / "bench.json", folder / "bench.svg"
        figures.write_text(json.dumps(self.as_json(), indent=1, ensure_ascii=False) + "\n", "utf-8")
        picture.write_text(draw(self.results), "utf-8")
        return [figures, picture]
