"""What a run shows, and the page of the docs that keeps it: steps with their times, and what they found."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from eshop_deploy.layout import project_root
from eshop_deploy.progress import console

# What a step says when it begins, pytest's progress, empty lines.
_LEFT_OUT = re.compile(r"^\.\.\. |^[.sFEx ]*(\[ *\d+%\])?$")
# The dot of a test that has passed, before what the next one prints.
_DOTS = re.compile(r"^( +)\.+(?=\w)")


def record() -> None:
    """From here on everything that is printed is remembered."""
    console.record = True


def shown(argv: Sequence[str], env: Mapping[str, str] | None = None) -> int:
    """Runs a program and shows its lines as they come; returns its exit code."""
    streamed = {**(env or os.environ), "PYTHONUNBUFFERED": "1"}
    started = subprocess.Popen(
        argv, cwd=project_root(), env=streamed, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    with started:
        try:
            for line in started.stdout or ():
                console.print(f"    {line.rstrip()}", markup=False)
        except BaseException:
            started.terminate()
            raise
    return started.returncode


def keep(page: Path, machine: str) -> None:
    """Writes what was printed since `record`, shortened, with a line about the machine."""
    lines = [_DOTS.sub(r"\1", line.rstrip()) for line in console.export_text().splitlines()]
    kept = [line for line in lines if not _LEFT_OUT.match(line.strip())]
    today = datetime.now(UTC).date().isoformat()
    how = "Shortened, and written by `make compose-test TRANSCRIPT=PATH`"
    head = f"# A run of `make compose-test`\n\n{today}, {machine}. {how}.\n"
    page.write_text(f"{head}\n```\n" + "\n".join(kept) + "\n```\n")
