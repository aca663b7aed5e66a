"""What a person sees while things happen: steps with their time, a spinner where there is a terminal."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape

console = Console(highlight=False, soft_wrap=True)
# Failures go where failures are looked for.
errors = Console(stderr=True, highlight=False, soft_wrap=True)


@contextmanager
def step(text: str) -> Generator[None]:
    """One step; its line stays with the time it took."""
    began = time.monotonic()
    if console.is_terminal:
        with console.status(escape(text)):
            yield
    else:
        console.print(f"... {escape(text)}")
        yield
    done(text, time.monotonic() - began)


def done(text: str, seconds: float) -> None:
    console.print(f"[green]ok[/]  {escape(text)} [dim]{seconds:.1f} s[/]")


def fail(fact: str, fix: str) -> None:
    errors.print(f"[red]!![/]  {escape(fact)}")
    if fix:
        errors.print(f"    {escape(fix)}")
