"""Processes of a stack: starting them, knowing them again after the supervisor died, stopping only our own.

A pid alone proves nothing: the kernel hands it out again. So each start is recorded with the process's birth,
and every process carries a mark in its environment; nothing is signalled unless one of the two fits.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Generator
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from eshop_deploy.layout import StackDir
from eshop_deploy.part import Part

MARK = "ESHOP_PART_OF"
LOG_BYTES = 20_000_000


def birth(pid: int) -> str:
    """Tells a process from all others that ever had its pid: boot and the tick it began in; "" if gone"""
    stat = _stat(pid)
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return f"{boot}:{stat[19]}" if stat and stat[0] not in "ZX" else ""


def is_paused(pid: int) -> bool:
    """Whether somebody has stopped the process (SIGSTOP): alive, and doing nothing."""
    return _stat(pid)[:1] in (["T"], ["t"])


def _stat(pid: int) -> list[str]:
    """Fields of /proc/PID/stat from the state on; the name before it may hold blanks and brackets."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


@dataclass(frozen=True)
class Record:
    """One start of a process: `born` as birth() tells it, `started` by the wall clock."""

    pid: int
    born: str
    name: str
    fingerprint: str
    started: float

    def alive(self) -> bool:
        """Whether this very process still runs (a zombie does not)."""
        return self.born != "" and birth(self.pid) == self.born

    def signal(self, number: signal.Signals) -> None:
        if self.alive():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def memory_bytes(self) -> int:
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(self.pid)
            family = [process, *process.children(recursive=True)]
            return sum(member.memory_info().rss for member in family)
        return 0


def mark(stack: StackDir, name: str) -> str:
    return f"{stack.path}:{name}"


def start(stack: StackDir, part: Part) -> tuple[Record, subprocess.Popen[bytes]]:
    """Starts a part in a session of its own, where Ctrl-C at a terminal doesn't reach it, and records it."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("ESHOP_")}
    env.update(part.env)
    env[MARK] = mark(stack, part.name)
    with _log(stack.log(part.name)) as log:
        child = subprocess.Popen(
            part.argv,
            cwd=stack.path,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    record = Record(child.pid, birth(child.pid), part.name, part.fingerprint, time.time())
    write_record(stack.record(part.name), record)
    return record, child


@contextlib.contextmanager
def _log(path: Path) -> Generator[int]:
    if path.exists() and path.stat().st_size > LOG_BYTES:
        path.replace(path.with_suffix(".log.1"))
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        yield handle
    finally:
        os.close(handle)


def write_record(path: Path, record: Record) -> None:
    path.write_text(json.dumps(asdict(record)))


def read_record(path: Path) -> Record | None:
    """The recorded process if it is still that one and still runs."""
    try:
        record = Record(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):
        return None
    return record if record.alive() else None


def own_record(name: str, fingerprint: str = "") -> Record:
    """The record of the process that asks."""
    return Record(os.getpid(), birth(os.getpid()), name, fingerprint, time.time())


def strays(stack: StackDir) -> list[Record]:
    """Processes that carry this stack's mark, recorded or not: a supervisor may die before it notes a pid."""
    prefix = f"{stack.path}:"
    found: list[Record] = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            told = process.environ().get(MARK, "")
            leads = process.pid == os.getpgid(process.pid)
            if told.startswith(prefix) and leads:
                name = told.removeprefix(prefix)
                found.append(Record(process.pid, birth(process.pid), name, "", process.create_time()))
    return found


def stop(record: Record, patience: float) -> bool:
    """SIGTERM, then SIGKILL when the patience (seconds) is over. True if it went by itself."""
    record.signal(signal.SIGTERM)
    record.signal(signal.SIGCONT)  # a process somebody has stopped would never see the SIGTERM
    if _gone_within(record, patience):
        return True
    record.signal(signal.SIGKILL)
    _gone_within(record, 5.0)
    return False


def _gone_within(record: Record, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while record.alive():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True
