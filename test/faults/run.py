"""Runs one row with one seed: load, fault, rest, verdict."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

import httpx
from books import Books
from databases import Databases
from gateway_client import Gateway
from judge import Judge
from kafka_lag import QueueLag
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
    """One line of the report. `verdict`: ok, broken, not converged, not struck, no stack."""

    row: str
    seed: int
    when: str = ""
    commit: str = ""
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
            async with self._row.around(self._shop), self._at_hand() as (db, books, gw, lag):
                await self._run(db, books, gw, Rest(self._shop, db, lag))
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
    async def _at_hand(self) -> AsyncGenerator[tuple[Databases, Books, Gateway, QueueLag]]:
        stack = self._shop.running
        db, lag = Databases(stack), QueueLag(stack)
        limits = httpx.Limits(max_connections=400, max_keepalive_connections=100)
        dtm = httpx.Client(base_url=f"http://{stack.address('DTM_MYSQL_HTTP')}", trust_env=False)
        http = httpx.AsyncClient(base_url=stack.url("gw"), timeout=30, trust_env=False, limits=limits)
        try:
            yield db, Books(db, dtm), Gateway(http), lag
        finally:
            await http.aclose()
            dtm.close()  # noqa: ASYNC212 - nothing is in flight on it
            lag.close()
            db.close()

    async def _run(self, db: Databases, books: Books, gw: Gateway, rest: Rest) -> None:
        left = await rest.reached(FIRST_REST_SECONDS, list, self._tell)
        if isinstance(left, list):
            raise StackFailedError(f"not at rest before the row began: {'; '.join(left)}")
        shelf = Shelf()
        await shelf.fill(gw)
        buyers = Buyers(gw, shelf, self._rng, pace=self._pace)
        scene = Scene(self._shop, self._lines, db, gw, shelf, buyers, self._rng, self._long)
        await self._load_and_strike(scene)
        history = buyers.history
        history.save(self._shop.folder / "histories" / f"{self._row.name}-{self._result.seed}.json")
        judge = Judge(db, books, gw, shelf, history)
        await self._judge(judge, rest, scene)
        self._result.struck = scene.struck
        self._count(history.counts(), history.answers())
        self._result.orders = judge.live_orders()

    async def _load_and_strike(self, scene: Scene) -> None:
        """The load goes on until the fault has healed, and a little longer."""
        stop = asyncio.Event()
        load = asyncio.create_task(scene.buyers.ask_until(stop))
        least = asyncio.create_task(asyncio.sleep(self._row.load_seconds))
        try:
            await self._row.strike(scene)
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

    async def _judge(self, judge: Judge, rest: Rest, scene: Scene) -> None:
        took = await rest.reached(self._row.patience, judge.broken_books, self._tell)
        if isinstance(took, list):
            books_only = not await rest.in_flight()
            self._fail("broken" if books_only else "not converged", took)
            return
        self._result.seconds_to_converge = round(took, 1)
        # A second look: what was repaired must stay repaired while outcomes are asked for.
        problems = await judge.broken_promises() + await asyncio.to_thread(judge.broken_books)
        for check in scene.checks:
            problems += await check()
        if problems:
            self._fail("broken", problems)

    def _fail(self, verdict: str, problems: list[str]) -> None:
        if self._result.verdict == "ok":
            self._result.verdict = verdict
        self._result.problems += problems

    def _count(self, told: Counter[str], answers: Counter[str]) -> None:
        self._result.accepted, self._result.refused, self._result.unknown = (
            told[name] for name in ("ok", "refused", "unknown")
        )
        self._result.answers = dict(answers.most_common())
