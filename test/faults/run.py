"""Runs one row with one seed: load, fault, rest, verdict."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import asdict, dataclass, field
from typing import Any

import httpx
from databases import Databases
from gateway_client import Gateway
from judge import Judge
from line import Line
from load import Buyers, Shelf
from rest import Rest
from scene import NeverStruckError, Row, Scene
from shop import Shop, StackFailedError

Tell = Callable[[str], None]
CALM_SECONDS = 2.0
FIRST_REST_SECONDS = 120.0


@dataclass
class Result:
    """One line of the report. `without`: a guard that was switched off.

    `verdict`: ok, broken, not converged, not struck, no stack."""

    row: str
    seed: int
    when: str = ""
    commit: str = ""
    without: str = ""
    verdict: str = "ok"
    accepted: int = 0
    refused: int = 0
    unknown: int = 0
    orders: int = 0
    seconds_to_converge: float | None = None
    seconds: float = 0.0
    problems: list[str] = field(default_factory=list)
    struck: list[str] = field(default_factory=list)
    answers: dict[str, int] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


class Run:
    """One row, one seed."""

    def __init__(
        self, shop: Shop, lines: dict[str, Line], row: Row, seed: int, *, long: bool, pace: float, tell: Tell
    ) -> None:
        self._shop = shop
        self._lines = lines
        self._row = row
        self._result = Result(row.name, seed)
        self._rng = random.Random(f"{row.name} {seed}")  # noqa: S311 - repeatable is what it has to be
        self._long = long
        self._pace = pace * row.pace
        self._tell = tell

    async def result(self) -> Result:
        """Everything that goes wrong ends in the result."""
        begin = time.monotonic()
        try:
            await self._prepare()
            async with self._row.around(self._shop), self._gateway() as gw:
                await self._run(gw)
        except StackFailedError as error:
            self._fail("no stack", [str(error)])
        except NeverStruckError as error:
            self._fail("not struck", [str(error)])
        finally:
            self._shop.disarm_all()
        self._result.seconds = round(time.monotonic() - begin, 1)
        return self._result

    async def _prepare(self) -> None:
        self._shop.disarm_all()
        await self._shop.new_supervisor()
        await self._shop.ready()

    @asynccontextmanager
    async def _gateway(self) -> AsyncGenerator[Gateway]:
        limits = httpx.Limits(max_connections=400, max_keepalive_connections=100)
        url = self._shop.running.url("gw")
        async with httpx.AsyncClient(base_url=url, timeout=30, trust_env=False, limits=limits) as http:
            yield Gateway(http)

    async def _run(self, gw: Gateway) -> None:
        rest, shelf = Rest(self._shop), Shelf()
        left = await rest.reached(FIRST_REST_SECONDS, self._tell)
        if isinstance(left, tuple):
            raise StackFailedError(f"not at rest before the row began: {'; '.join(left[0] + left[1])}")
        await shelf.fill(gw)
        buyers = Buyers(gw, shelf, self._rng, pace=self._pace)
        scene = Scene(self._shop, self._lines, gw, shelf, buyers, self._rng, self._long)
        await self._load_and_strike(scene)
        history = buyers.history
        history.save(self._shop.folder / "histories" / f"{self._row.name}-{self._result.seed}.json")
        await self._rest_in_time(rest)
        with closing(Databases(self._shop.running)) as db:
            judge = Judge(db, gw, shelf, history)
            await self._judge(judge, scene)
            self._result.orders = judge.live_orders()
        self._result.struck = scene.struck
        self._count(history.counts(), history.answers())

    async def _load_and_strike(self, scene: Scene) -> None:
        """The load goes on until the fault has healed, and a little longer."""
        stop = asyncio.Event()
        load = asyncio.create_task(scene.buyers.ask_until(stop))
        least = asyncio.create_task(asyncio.sleep(self._row.load_seconds))
        try:
            await self._row.strike(scene)
            if not scene.struck:
                self._fail("not struck", ["no part of the fault happened"])
        except NeverStruckError as error:
            self._fail("not struck", [str(error)])
        finally:
            for line in self._lines.values():
                line.flow()
            await asyncio.sleep(CALM_SECONDS)
            await least
            stop.set()
            await load
        self._tell(f"struck: {', '.join(scene.struck)}; told: {dict(scene.buyers.history.counts())}")

    async def _rest_in_time(self, rest: Rest) -> None:
        took = await self._rest(rest)
        if isinstance(took, tuple):
            on_its_way, broken = took
            self._fail("broken" if broken else "not converged", broken + on_its_way)
        else:
            self._result.seconds_to_converge = round(took, 1)

    async def _judge(self, judge: Judge, scene: Scene) -> None:
        problems = await judge.broken_promises()
        for check in scene.checks:
            problems += await check()
        if problems:
            self._fail("broken", problems)

    async def _rest(self, rest: Rest) -> float | tuple[list[str], list[str]]:
        """Waits for rest; in a row that needs it, repairs the books when they don't come to rest by themselves."""
        begin = time.monotonic()
        took = await rest.reached(self._row.patience, self._tell)
        if self._row.repaired and isinstance(took, tuple):
            self._tell(f"repairing: {'; '.join(took[1] + took[0])[:200]}")
            self._tell((await self._shop.repair())[-300:])
            again = await rest.reached(self._row.patience, self._tell)
            return again if isinstance(again, tuple) else time.monotonic() - begin
        return took

    def _fail(self, verdict: str, problems: list[str]) -> None:
        if self._result.verdict == "ok":
            self._result.verdict = verdict
        self._result.problems += problems

    def _count(self, told: Counter[str], answers: Counter[str]) -> None:
        self._result.accepted, self._result.refused, self._result.unknown = (
            told[name] for name in ("ok", "refused", "unknown")
        )
        self._result.answers = dict(answers.most_common())
