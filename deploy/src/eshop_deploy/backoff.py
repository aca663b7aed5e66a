"""How long to wait before a part that died is started again."""

from __future__ import annotations

FIRST_SECONDS = 1.0
LONGEST_SECONDS = 30.0
FORGIVEN_AFTER_SECONDS = 60.0


class BackOff:
    """1 s, doubling to 30 s; a part that lived for a minute starts from 1 s again."""

    def __init__(self) -> None:
        self._next = FIRST_SECONDS

    def after_life_of(self, seconds: float) -> float:
        """The pause after a process that lived so long."""
        if seconds >= FORGIVEN_AFTER_SECONDS:
            self._next = FIRST_SECONDS
        pause = self._next
        self._next = min(self._next * 2, LONGEST_SECONDS)
        return pause
