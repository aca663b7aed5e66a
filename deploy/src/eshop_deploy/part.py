"""What a part is: one process of a stack, how it is started, what it waits for, when it counts as ready."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

State = Literal["waiting", "preparing", "starting", "ready", "restarting", "stopping", "stopped"]


def nothing() -> None:
    """Stands where a part has no step of its own."""


@dataclass(frozen=True)
class Part:
    """`ready` returns None once the part does its work, else a short text that says what is still missing.

    `prepare` makes the part's files before each start, `settle` does what needs the running part and must be
    over before others use it. Both may be repeated at any time.
    """

    name: str
    argv: tuple[str, ...]
    host: str
    ports: Mapping[str, int]
    ready: Callable[[], str | None]
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    needs: tuple[str, ...] = ()
    prepare: Callable[[], None] = nothing
    settle: Callable[[], None] = nothing
    start_seconds: float = 90.0
    stop_seconds: float = 15.0

    @property
    def fingerprint(self) -> str:
        """Changes when the part would be started differently: a running one then has to be started anew."""
        told = json.dumps([self.argv, sorted(self.env.items())])
        return hashlib.sha256(told.encode()).hexdigest()[:16]
