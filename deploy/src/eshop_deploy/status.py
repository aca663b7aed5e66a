"""What the supervisor says about its parts: a file that it replaces at each change and others only read."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from eshop_deploy.part import State


@dataclass(frozen=True)
class PartStatus:
    """`detail` says why a part is not ready; `failures` counts those since it was ready last."""

    name: str
    state: State
    ports: Mapping[str, int]
    pid: int | None = None
    restarts: int = 0
    failures: int = 0
    detail: str = ""


@dataclass(frozen=True)
class StackStatus:
    goal: str
    plan: int
    parts: list[PartStatus] = field(default_factory=list[PartStatus])
    written: float = field(default_factory=time.time)

    @property
    def ready(self) -> bool:
        return bool(self.parts) and all(part.state == "ready" for part in self.parts)


def write_status(path: Path, status: StackStatus) -> None:
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(asdict(status), indent=1))
    os.replace(fresh, path)


def read_status(path: Path) -> StackStatus | None:
    try:
        told = json.loads(path.read_text())
        parts = [PartStatus(**part) for part in told.pop("parts")]
        return StackStatus(parts=parts, **told)
    except (OSError, ValueError, TypeError, KeyError):
        return None
