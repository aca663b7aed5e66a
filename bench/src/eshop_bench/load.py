"""One run of k6: started, followed until the load has ended, and its summary read."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from eshop_bench.rows import Row
from eshop_deploy.stacks import BringUpError, project_root

SCRIPTS = project_root() / "test" / "k6"
KINDS = ("confirmed", "accepted", "running", "listed", "echoed", "sold_out", "refused", "busy", "wrong", "failures")
TREND = "avg,min,max,p(50),p(95),p(99)"
THRESHOLD_CROSSED = 99
# Time for users to be made before the load, and for answers that are late after it.
PATIENCE_SECONDS = 240.0
WORST_LINES = 20


@dataclass(frozen=True)
class Summary:
    """How requests were answered, by kind, and how long they took, ms."""

    answers: Mapping[str, int]
    p50: float
    p95: float
    p99: float

    @property
    def total(self) -> int:
        return sum(self.answers.values())


def read_summary(told: Mapping[str, Any]) -> Summary:
    """Reads what k6 writes with --summary-export. Raises ValueError where that holds no requests."""
    metrics = told["metrics"]
    taken = metrics.get("http_req_duration")
    if not taken or "p(99)" not in taken:
        raise ValueError("the summary of k6 holds no request")
    answers = {kind: int(metrics[kind]["count"]) for kind in KINDS if kind in metrics}
    return Summary(answers, float(taken["p(50)"]), float(taken["p(95)"]), float(taken["p(99)"]))


@dataclass
class Load:
    """A load under way. `began` and `ended` are moments of time.monotonic(), 0 until they have come."""

    process: subprocess.Popen[str]
    began: float = 0.0
    ended: float = 0.0
    summary: Summary | None = None
    cpu_seconds: float = 0.0

    def __post_init__(self) -> None:
        self._over = threading.Event()
        self._log: list[str] = []

    def follow(self, lines: IO[str]) -> None:
        """Reads k6's log to its end, and notes when the load begins and ends."""
        for line in lines:
            if "load began" in line:
                self.began = time.monotonic()
            elif "load ended" in line:
                self.ended = time.monotonic()
                self._over.set()
            else:
                self._log.append(line.rstrip())
        self._over.set()

    def await_end(self, patience: float, tick: Callable[[float], None]) -> None:
        """Returns when the last answer is there. `tick` is called with the seconds since the load began."""
        give_up = time.monotonic() + patience
        while not self._over.wait(0.25):
            tick(time.monotonic() - self.began if self.began else 0.0)
            if time.monotonic() > give_up:
                raise BringUpError("k6 does not come to an end", self.told())
        if not self.ended:
            raise BringUpError(f"k6 ended with exit code {self.process.wait()} and no load", self.told())

    def told(self) -> str:
        return "\n".join(self._log[-WORST_LINES:])

    @property
    def seconds(self) -> float:
        """From the first request to the last answer."""
        return self.ended - self.began


@contextmanager
def load(k6: str, row: Row, base: str, settings: Mapping[str, str]) -> Generator[Load]:
    """Starts a row's load. At the end of the block k6 has ended and its summary is read; an error ends it at once."""
    with tempfile.TemporaryDirectory() as folder:
        export = Path(folder) / "summary.json"
        before = _children_cpu()
        process = _start(k6, row, base, settings, export)
        running = Load(process)
        reader = threading.Thread(target=running.follow, args=(process.stderr,), daemon=True)
        with process:  # closes the pipe, last of all
            reader.start()
            try:
                yield running
                code = process.wait(PATIENCE_SECONDS)
            finally:
                process.kill()
                process.wait()
                reader.join(5)
        if code not in (0, THRESHOLD_CROSSED):
            raise BringUpError(f"k6 ended with exit code {code}", running.told())
        running.cpu_seconds = _children_cpu() - before
        running.summary = read_summary(json.loads(export.read_text()))


def _start(k6: str, row: Row, base: str, settings: Mapping[str, str], export: Path) -> subprocess.Popen[str]:
    argv = [k6, "run", "--quiet", "--no-color", "--address", "", "--vus", str(row.users)]
    argv += ["--duration", f"{row.seconds:g}s", "--summary-trend-stats", TREND, "--summary-export", str(export)]
    # Nothing else of the environment: scripts read all of it, and a STOCK or a ROWS there is meant for somebody else.
    env = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    # k6 has memory enough and needs the cores: rare collections leave more of them to what is measured.
    env |= {"GOGC": "400"}
    env |= {**settings, "BASE_URL": base, "MARKS": "1", "K6_NO_USAGE_REPORT": "true", "NO_PROXY": "*"}
    return subprocess.Popen(
        [*argv, str(SCRIPTS / row.script)],
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def _children_cpu() -> float:
    """CPU seconds of all children that have ended and were waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
