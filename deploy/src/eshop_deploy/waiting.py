"""Parts on their way to ready: a line for each as it gets there, one moving line for the rest."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import TracebackType

from rich.markup import escape

from eshop_deploy.progress import console, done
from eshop_deploy.status import PartStatus, StackStatus


class Watch:
    """Shows status after status; on a terminal a spinner names what is still awaited."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._shown: set[str] = set()
        self._told: dict[str, str] = {}
        self._spinner = console.status("Starting", refresh_per_second=4) if console.is_terminal else None

    def __enter__(self) -> Watch:
        if self._spinner:
            self._spinner.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._spinner:
            self._spinner.stop()

    def show(self, status: StackStatus) -> None:
        for part in status.parts:
            if part.state == "ready" and part.name not in self._shown:
                self._shown.add(part.name)
                done(f"{part.name} is ready", time.monotonic() - self._began)
            elif part.state == "restarting" and self._told.get(part.name) != part.detail:
                self._told[part.name] = part.detail
                console.print(f"[yellow]..[/]  {escape(part.detail)}")
        if self._spinner:
            waits = ", ".join(_short(part) for part in status.parts if part.state != "ready")
            self._spinner.update(f"{time.monotonic() - self._began:.0f} s: {escape(waits)}")


def _short(part: PartStatus) -> str:
    return part.name if part.state == "starting" else f"{part.name} ({part.state})"


@contextmanager
def stopwatch() -> Generator[Callable[[], float]]:
    """Gives a function that tells the seconds since the block began, stopped when the block ended."""
    began = time.monotonic()
    ended: list[float] = []
    yield lambda: (ended[0] if ended else time.monotonic()) - began
    ended.append(time.monotonic())
