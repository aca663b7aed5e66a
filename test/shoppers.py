"""A load of every kind that runs beside a test of the suite in containers, and remembers what it was answered."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import fresh
import httpx
from compose_project import BACK_WITHIN
from gateway_client import Answer, Gateway
from patience import eventually

BETWEEN_REQUESTS = 0.05
SOME = 10
Ask = Callable[[], Awaitable[Answer]]


@dataclass
class Shoppers:
    """Callers of each kind, `each` of them at once, one request after the other."""

    gw: Gateway
    product: int
    each: int
    answered: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    accepted: list[str] = field(default_factory=list)
    slowest: float = 0.0

    @property
    def kinds(self) -> dict[str, Ask]:
        return {
            "direct": lambda: self.gw.submit(fresh.user_id(), self.product),
            "buffered": lambda: self.gw.notify(fresh.user_id(), self.product),
            "flash sale": lambda: self.gw.flash(fresh.user_id(), self.product),
            "list": lambda: self.gw.ask("GET", "/api/v1/stock/list", params={"page": 0, "limit": 5}),
        }

    async def shop(self) -> None:
        callers = [(kind, ask) for kind, ask in self.kinds.items() for _ in range(self.each)]
        await asyncio.gather(*(self._go_on(kind, ask) for kind, ask in callers))

    async def _go_on(self, kind: str, ask: Ask) -> None:
        while True:
            began = time.monotonic()
            try:
                self._keep(kind, await ask())
            except (httpx.HTTPError, json.JSONDecodeError) as error:
                self.failures.append(f"{kind}: {error!r}")
            self.slowest = max(self.slowest, time.monotonic() - began)
            await asyncio.sleep(BETWEEN_REQUESTS)

    def _keep(self, kind: str, answer: Answer) -> None:
        if (answer.status, answer.code) != (200, 0):
            self.failures.append(f"{kind}: {answer}")
            return
        self.answered[kind] += 1
        if kind != "list":
            self.accepted.append(answer.order_id)

    async def get_some_more(self) -> None:
        """Waits until the shop has taken more orders."""
        enough = len(self.accepted) + SOME
        await eventually(lambda: len(self.accepted) >= enough, within=BACK_WITHIN)

    def prove_that_none_failed(self) -> None:
        told = f"{sum(self.answered.values())} requests, the slowest {self.slowest:.2f} s: {dict(self.answered)}"
        assert not self.failures, f"{len(self.failures)} failed beside {told}: {self.failures[:5]}"
        assert set(self.answered) == set(self.kinds), told
        print(f"0 failed of {told}")


@asynccontextmanager
async def shoppers_in(gw: Gateway, product: int, *, each: int = 1) -> AsyncGenerator[Shoppers]:
    """A load until the block ends; a request that is under way then counts neither way. Fails if the load broke off."""
    await gw.set_flash(product, 1_000_000)
    shoppers = Shoppers(gw, product, each)
    task = asyncio.create_task(shoppers.shop())
    try:
        yield shoppers
        if task.done():
            await task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
