"""`eshop logs`: the end of one log or of all, and what is added to them while one watches."""

from __future__ import annotations

import time
from collections import deque
from pathlib import Path

from rich.markup import escape

from eshop_deploy.failures import BringUpError
from eshop_deploy.layout import StackDir
from eshop_deploy.progress import console

_COLOURS = ("cyan", "magenta", "green", "yellow", "blue", "red")


def show_logs(stack: StackDir, part: str | None, lines: int, follow: bool) -> None:
    logs = _logs(stack, part)
    width = max(len(log.stem) for log in logs)
    offsets = {log: log.stat().st_size for log in logs}
    for number, log in enumerate(logs):
        with log.open(errors="replace") as text:
            for line in deque(text, lines):
                _print(log, number, width, len(logs) > 1, line)
    while follow:
        time.sleep(0.3)
        for number, log in enumerate(logs):
            for line in added(log, offsets):
                _print(log, number, width, len(logs) > 1, line)


def _logs(stack: StackDir, part: str | None) -> list[Path]:
    logs = sorted((stack.path / "logs").glob("*.log"))
    if part is None and logs:
        return logs
    chosen = [log for log in logs if log.stem == part]
    if not chosen:
        known = ", ".join(log.stem for log in logs) or "none yet; start the stack with: make up"
        raise BringUpError(f"There is no log of {part or stack.name}", f"Logs: {known}")
    return chosen


def added(log: Path, offsets: dict[Path, int]) -> list[str]:
    """Whole lines only: what is half written is shown once it is complete."""
    if log.stat().st_size < offsets[log]:  # it was put aside because it had grown too long
        offsets[log] = 0
    with log.open("rb") as text:
        text.seek(offsets[log])
        added = text.read()
    whole = added[: added.rfind(b"\n") + 1]
    offsets[log] += len(whole)
    return whole.decode(errors="replace").splitlines()


def _print(log: Path, number: int, width: int, named: bool, line: str) -> None:
    prefix = f"[{_COLOURS[number % len(_COLOURS)]}]{log.stem:<{width}}[/] " if named else ""
    console.print(f"{prefix}{escape(line.rstrip())}")
