"""`eshop status`: the parts of a stack as a table."""

from __future__ import annotations

import time

from rich.markup import escape
from rich.table import Table

from eshop_deploy.health import Health, look, supervisor_alive
from eshop_deploy.layout import StackDir
from eshop_deploy.progress import console, fail

_COLOURS = {"ready": "green", "starting": "yellow", "preparing": "yellow", "waiting": "yellow"}


def show_status(stack: StackDir) -> bool:
    """Whether everything that was asked for works."""
    healths = look(stack)
    if not healths:
        console.print(f"Stack {stack.name} is not running. Start it: make up")
        return False
    console.print(_table(healths))
    watched = supervisor_alive(stack)
    for health in healths:
        if health.trouble and (watched or health.record):  # what is down without a supervisor is told once, below
            fail(f"{health.part.name}: {health.trouble}", health.fix)
    if not watched:
        fail("The supervisor is gone: what is down stays down", "Run: eshop up")
    return watched and not any(health.trouble for health in healths)


def _table(healths: list[Health]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("part", "state", "port", "pid", "restarts", "up", "memory"):
        table.add_column(heading, justify="left" if heading in ("part", "state", "port") else "right")
    for health in healths:
        colour = _COLOURS.get(health.state, "red")
        ports = " ".join(str(port) for port in health.part.ports.values())
        table.add_row(
            health.part.name,
            f"[{colour}]{escape(health.state)}[/]",
            ports,
            str(health.record.pid) if health.record else "",
            str(health.restarts),
            duration(time.time() - health.record.started) if health.record else "",
            f"{health.record.memory_bytes() / 2**20:.0f} MB" if health.record else "",
        )
    return table


def duration(seconds: float) -> str:
    """12 s, 3 min, 5 h, 2 d: the largest unit that fits."""
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"
