"""Running another program during set-up: its output goes to a log, a failure is told in one line."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from eshop_deploy.failures import MissingTool


def run(argv: Sequence[str], log: Path, what: str, env: Mapping[str, str] | None = None) -> None:
    """Runs to the end; `what` says in the failure what could not be done."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as out:
        out.write(f"\n$ {' '.join(argv)}\n".encode())
        out.flush()
        ended = subprocess.run(
            argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=env and dict(env), check=False
        )
    if ended.returncode:
        raise MissingTool(f"{what} failed: {last_line(log)}", f"The whole output is in {log}")


def last_line(log: Path) -> str:
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1] if lines else "no output"
