"""CPU and memory of a stack's processes."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Mapping

import psutil

from eshop_deploy.stacks import SERVICES, StackDir, read_record


def pids(stack: StackDir) -> dict[str, int]:
    """The living parts of a stack, by name."""
    records = (read_record(file) for file in (stack.path / "pids").glob("*.json"))
    return {record.name: record.pid for record in records if record is not None}


def cpu_seconds(parts: Mapping[str, int]) -> dict[str, float]:
    """User and system time of each part so far, its workers included."""
    used: dict[str, float] = {}
    for name, pid in parts.items():
        times = [member.cpu_times() for member in _family(pid, parts)]
        used[name] = sum(time.user + time.system for time in times)
    return used


def pss_mb(parts: Mapping[str, int]) -> dict[str, float]:
    """Memory of each part in MB, pages that it shares counted by its share."""
    return {name: sum(one.memory_full_info().pss for one in _family(pid, parts)) / 1e6 for name, pid in parts.items()}


def services_mb(memory: Mapping[str, float]) -> float:
    """What the eight services hold together."""
    return sum(megabytes for name, megabytes in memory.items() if name in SERVICES)


def spent(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    """CPU seconds between two looks, largest first; a part that was started between them has no figure."""
    used = {name: after[name] - before[name] for name in after if name in before}
    return dict(sorted(used.items(), key=lambda item: -item[1]))


def _family(pid: int, parts: Mapping[str, int]) -> Generator[psutil.Process]:
    """A process and its workers. The supervisor's children are parts themselves."""
    with contextlib.suppress(psutil.NoSuchProcess):
        leader = psutil.Process(pid)
        yield leader
        others = leader.children()
        yield from (child for child in others if child.pid not in parts.values())
