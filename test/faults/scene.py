"""What a fault has at hand while it strikes, and the table of faults."""

import asyncio
import random
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from gateway_client import Gateway
from line import Line
from load import Buyers, Shelf
from shop import Shop


class NeverStruckError(Exception):
    """The fault did not happen, so the run shows nothing."""


@dataclass
class Scene:
    """One run of one row. Everything random comes from `rng`."""

    shop: Shop
    lines: dict[str, Line]
    gw: Gateway
    shelf: Shelf
    buyers: Buyers
    rng: random.Random
    long: bool
    struck: list[str] = field(default_factory=list)
    checks: list[Callable[[], Awaitable[list[str]]]] = field(default_factory=list)
    """What else must hold in the end, each returning what does not."""

    async def some(self, least: float, most: float) -> None:
        """Sleeps a seeded while, in seconds."""
        await asyncio.sleep(self.rng.uniform(least, most))

    def note(self, what: str) -> None:
        """Remembers that the fault has struck."""
        self.struck.append(what)

    def shuffled(self, *items: str) -> list[str]:
        return self.rng.sample(items, len(items))


Strike = Callable[[Scene], Awaitable[None]]
Around = Callable[[Shop], AbstractAsyncContextManager[None]]


@asynccontextmanager
async def _nothing(_shop: Shop) -> AsyncGenerator[None]:
    yield


@dataclass(frozen=True)
class Row:
    """A row of the matrix. `load_seconds`: least time of load; `patience`: seconds to converge; `pace`: of the load.

    `long`: one seed is enough. `repaired`: `eshop verify --repair` may be needed to put the books right.
    `around`: what is different with the stack from before the load until the verdict.
    """

    name: str
    what: str
    strike: Strike
    load_seconds: float = 12.0
    patience: float = 120.0
    pace: float = 1.0
    long: bool = False
    repaired: bool = False
    around: Around = _nothing


ROWS: dict[str, Row] = {}


def row(name: str, what: str, **more: Any) -> Callable[[Strike], Strike]:
    """Enters a fault into the table."""

    def enter(strike: Strike) -> Strike:
        ROWS[name] = Row(name, what, strike, **more)
        return strike

    return enter
