"""What a look at the books finds: what is broken, and what is only on its way."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Finding:
    """One broken invariant. `what` and `name` identify the culprit: order, gid, product, coupon or message."""

    invariant: str
    what: str
    name: str
    text: str = field(compare=False)
    gids: tuple[str, ...] = field(default=(), compare=False)
    product: int | None = field(default=None, compare=False)

    def __str__(self) -> str:
        return f"{self.invariant} {self.what} {self.name}: {self.text}"


@dataclass(frozen=True)
class OnItsWay:
    """Something unfinished, which is no fault: how many of it, and an example."""

    what: str
    number: int
    example: str = ""

    def __str__(self) -> str:
        return f"{self.number} {self.what}" + (f", {self.example} for one" if self.example else "")


@dataclass(frozen=True)
class Look:
    """The result of one look. `counted` tells how much was looked at, `put_aside` what waits in the dead letters."""

    findings: tuple[Finding, ...]
    on_its_way: tuple[OnItsWay, ...]
    counted: dict[str, int]
    put_aside: int = 0
    seconds: float = 0.0

    @property
    def at_rest(self) -> bool:
        return not self.on_its_way


def persistent(before: Iterable[Finding], now: Iterable[Finding]) -> tuple[Finding, ...]:
    """What both looks found."""
    known = set(before)
    return tuple(finding for finding in now if finding in known)
