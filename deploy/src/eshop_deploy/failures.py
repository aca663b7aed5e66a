"""What can stop a bring-up. Each is told to the user as one line and the next step, never as a traceback."""

from __future__ import annotations


class BringUpError(Exception):
    """Something a person has to know: `fact` in one line, `fix` is what to do about it."""

    def __init__(self, fact: str, fix: str = "") -> None:
        super().__init__(fact)
        self.fact = fact
        self.fix = fix

    def __str__(self) -> str:
        return f"{self.fact}. {self.fix}" if self.fix else self.fact


class BadSetting(BringUpError):
    """A setting holds a value that can't be meant."""


class MissingTool(BringUpError):
    """A program is not on this machine and could not be had."""


class PortTaken(BringUpError):
    """Another process listens where a part has to."""


class PartFailed(BringUpError):
    """A part was started and does not get ready."""
