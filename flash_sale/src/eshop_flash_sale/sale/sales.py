"""The sales in Redis: taking units, giving them back, closing, opening, settling. One hash slot per product."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

import orjson
from redis.asyncio import Redis
from redis.commands.core import AsyncScript
from redis.exceptions import ResponseError

import aiodtm
from aiodtm.redis import SEVEN_DAYS, Guarded, RedisBarrier, RedisOutcome, once_each
from eshop_chassis import KEPT_SECONDS, get_logger
from eshop_contract import Refusal, refusals
from eshop_flash_sale.sale.recent_takes import RecentTakes
from eshop_flash_sale.sale.runs import RedisRuns
from protoc_gen_fastapi.runtime import Refused, Unavailable

log = get_logger(__name__)
SALE_CLOSED = Refusal("SALE_CLOSED", "the flash sale is being set; try again in a moment")
UNDONE = Refusal("UNDONE", "the shop could not take this order; try again")
ACCEPTED_FIELDS = 6
ENDED = "UNDONE"
"""Stands among the products of a branch once it was undone."""


@dataclass(frozen=True)
class Take:
    """Units to take. `ref` is the order's id, or another unique reference; user 0 is nobody in particular.

    `keyed`: the same reference may come again in another message, and must not take twice. `amount` (cents) and
    `request_id` are kept with the outcome, for the delivery of the order.
    """

    ref: str
    user_id: int
    count: int
    keyed: bool = field(default=False, compare=False)
    amount: int = field(default=0, compare=False)
    request_id: str = field(default="", compare=False)


@dataclass(frozen=True)
class Taken:
    """What a call took: accepted references, and refused ones with the reason.

    `Sales.take_each` has two reasons that pass: SALE_CLOSED, the sale is being set; UNDONE, a check-back came first.
    """

    accepted: frozenset[str]
    refused: Mapping[str, Refusal]


class Keys:
    """The keys of one product's sale. The braces keep them in one hash slot."""

    def __init__(self, product_id: int) -> None:
        self.slot = f"flash:{{{product_id}}}"
        self.sale = f"{self.slot}:sale"
        self.unsettled = f"{self.slot}:unsettled"
        self.users = f"{self.slot}:users"

    @property
    def all(self) -> list[str]:
        return [self.sale, self.unsettled, self.users]

    def taken(self, ref: str) -> str:
        """Says that the units of a keyed reference were taken."""
        return f"{self.slot}:taken:{ref}"


class Sales:
    """All sales of one Redis."""

    def __init__(self, redis: Redis, runs: RedisRuns | None = None) -> None:
        """`runs` knows the run of Redis; without it, a restart is not noticed."""
        self._redis = redis
        self._runs = runs
        self._recent = RecentTakes(redis)
        self._take_script = lua("take.lua")
        self._close: AsyncScript = redis.register_script(lua("close.lua"))
        self._open: AsyncScript = redis.register_script(lua("open.lua"))
        self._settle: AsyncScript = redis.register_script(lua("settle.lua"))

    async def at_sight(self, products: Sequence[int]) -> dict[int, Refusal]:
        """A cheap look before any work: why a buyer of one unit would be refused now, by product; others are absent."""
        names = ["state", "left", "run"]
        if len(products) == 1:
            rows: list[Any] = [await self._redis.hmget(Keys(products[0]).sale, names)]
        else:
            pipe = self._redis.pipeline(transaction=False)
            for product_id in products:
                pipe.hmget(Keys(product_id).sale, names)
            rows = await pipe.execute()
        run_id = await self.run_id()
        found = {p: _refused_at_sight(p, row, run_id) for p, row in zip(products, rows, strict=True)}
        return {product_id: refusal for product_id, refusal in found.items() if refusal}

    async def take(self, barrier: aiodtm.Barrier, product_id: int, items: Sequence[Take], *, each: bool) -> Taken:
        """Takes units once per branch. Raises Unavailable while the sale is being set, BranchRefused after an undo."""
        run_id = await self.run_id()
        with self._expecting(run_id):
            call = self._taking(barrier, product_id, items, run_id, each=each)
            [outcome] = await once_each(self._redis, self._take_script, [call])
        if isinstance(outcome, ResponseError):
            if SALE_CLOSED.short not in str(outcome):
                raise outcome
            raise Unavailable(SALE_CLOSED.reason, short=SALE_CLOSED.short) from outcome
        if outcome.state == "undone":
            raise aiodtm.BranchRefused("undone")
        found = orjson.loads(outcome.result)
        return Taken(frozenset(row[0] for row in found["accepted"]), refusals_of(product_id, found["refused"]))

    async def take_each(self, barrier: aiodtm.Barrier, takes: Mapping[int, Sequence[Take]]) -> Taken:
        """Takes units of several products for one message, each item for itself, in one round trip.

        Afterwards each product has a stored outcome: where the sale was closed, its script failed, or a check-back came
        first, it is that nothing was taken and never will be by this message.
        """
        run_id = await self.run_id()
        calls = [self._taking(barrier, product_id, items, run_id, each=True) for product_id, items in takes.items()]
        accepted: set[str] = set()
        refused: dict[str, Refusal] = {}
        with self._expecting(run_id):
            outcomes = await once_each(self._redis, self._take_script, calls)
            for call, (product_id, items), outcome in zip(calls, takes.items(), outcomes, strict=True):
                why = UNDONE
                if isinstance(outcome, ResponseError):
                    why = SALE_CLOSED if SALE_CLOSED.short in str(outcome) else UNDONE
                    if why == UNDONE:
                        log.error("units can't be taken", key=call.keys[0], why=str(outcome))
                    await call.barrier.query_prepared(self._redis)
                elif outcome.state != "undone":
                    found = orjson.loads(outcome.result)
                    self._recent.add(run_id, product_id, call.barrier, found["accepted"])
                    accepted.update(row[0] for row in found["accepted"])
                    refused.update(refusals_of(product_id, found["refused"]))
                    continue
                refused.update((item.ref, why) for item in items)
        return Taken(frozenset(accepted), refused)

    async def run_id(self, *, fresh: bool = False) -> str:
        """The run of Redis as far as this process knows, or as Redis tells now; "" where nobody looks after it."""
        if self._runs is None:
            return ""
        return self._runs.last if self._runs.last and not fresh else await self._runs.now(self._redis)

    async def give_back(self, barrier: aiodtm.Barrier, product_id: int) -> None:
        """Undoes `take` once; where it took nothing, makes sure that it never will."""
        keys = Keys(product_id)
        await RedisBarrier(barrier, keys.slot).once(self._redis, self._take_script, keys.all, ["undo", "[]"])

    async def note_branch(self, barrier: aiodtm.Barrier, products: Iterable[int]) -> None:
        """Writes down of which products a branch is about to take units. Raises BranchRefused after its undo."""
        if ENDED in await self._add_to_branch(barrier, products):
            raise aiodtm.BranchRefused("undone")

    async def end_branch(self, barrier: aiodtm.Barrier, products: Iterable[int]) -> list[int]:
        """Keeps the branch from taking more; returns the products to give back: those that it noted, and `products`."""
        noted = await self._add_to_branch(barrier, [*products, ENDED])
        return sorted(int(product) for product in noted - {ENDED})

    async def _add_to_branch(self, barrier: aiodtm.Barrier, members: Iterable[int | str]) -> set[str]:
        """Adds to the set of a branch, and returns all of it."""
        key = f"flash:branch:{barrier.gid}:{barrier.branch_id}"
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.sadd(key, *members)
            pipe.expire(key, SEVEN_DAYS)
            pipe.smembers(key)
            return set((await pipe.execute())[2])

    async def close(self, product_id: int, token: str) -> tuple[int, list[Take]]:
        """Closes the sale; returns its version and the units taken and not settled."""
        keys = Keys(product_id)
        version, flat = await self._close(keys=[keys.sale, keys.unsettled], args=[token])
        return int(version), [_unsettled(ref, units) for ref, units in zip(flat[::2], flat[1::2], strict=True)]

    async def open(
        self,
        product_id: int,
        token: str,
        version: int,
        units: int,
        limit: int,
        run_id: str = "",
        *,
        keep_buyers: bool = False,
    ) -> int:
        """Opens the sale that this token closed. Raises Refused where another setting came between.

        `run_id` is the run of Redis for which `units` were counted, the present one by default; `keep_buyers` lets what
        each has bought of this version count on.
        """
        keys = Keys(product_id)
        run_id = run_id or await self.run_id()
        lost = await self._recent.lost(product_id, str(version), run_id) if keep_buyers else []
        args = [token, version, units, limit, run_id, int(keep_buyers), *lost]
        try:
            return int(await self._open(keys=[keys.sale, keys.users], args=args))
        except ResponseError as error:
            if str(error).startswith("OVERTAKEN"):
                raise Refused(
                    "this flash sale was set by somebody else at the same time; look and try again"
                ) from error
            raise

    async def settle(self, product_id: int, units: Sequence[tuple[str, bool]]) -> bool:
        """Settles units, given as (reference, back for sale). Returns False where the product has no sale."""
        args = [text for ref, resell in units for text in (ref, "1" if resell else "0")]
        return bool(await self._settle(keys=Keys(product_id).all, args=args))

    def _expecting(self, run_id: str) -> AbstractContextManager[None]:
        return self._runs.expecting(run_id) if self._runs else nullcontext()

    def _taking(
        self, barrier: aiodtm.Barrier, product_id: int, items: Sequence[Take], run_id: str, *, each: bool
    ) -> Guarded:
        keys = Keys(product_id)
        packed, refs = _packed(items, len(keys.all))
        args = ["each" if each else "all", packed, KEPT_SECONDS, run_id]
        return Guarded(RedisBarrier(barrier, keys.slot), [*keys.all, *map(keys.taken, refs)], args)


def accepted_items(outcome: RedisOutcome) -> list[Take]:
    """What a `take` with this outcome took. Raises Unavailable where it has no amounts, as earlier releases wrote."""
    if outcome.state != "ok":
        return []
    rows = orjson.loads(outcome.result)["accepted"]
    if any(len(row) != ACCEPTED_FIELDS for row in rows):
        raise Unavailable("this outcome was stored by an earlier release, which has to deliver it")
    return [Take(ref, int(user), count, False, *more) for ref, user, count, _version, *more in rows]


def refusals_of(product_id: int, rows: Iterable[Sequence[Any]]) -> dict[str, Refusal]:
    """Why references were refused. Rows are take.lua's, [reference, code, facts...]; older ones have no facts."""
    return {ref: _refusal(product_id, code, facts) for ref, code, *facts in rows}


def _refusal(product_id: int, code: str, facts: Sequence[int]) -> Refusal:
    if code == refusals.LIMIT_REACHED.short:
        if not facts:
            return refusals.LIMIT_REACHED_BEFORE()
        count, limit, bought = facts
        return refusals.LIMIT_REACHED(product=product_id, count=count, limit=limit, bought=bought)
    if code == refusals.NOT_ON_SALE.short:
        return refusals.NOT_ON_SALE(product=product_id)
    count, left = facts or (1, 0)
    return refusals.too_few(product_id, count, left, on_sale=True)


def _refused_at_sight(product_id: int, row: Sequence[str | None], run_id: str) -> Refusal | None:
    state, left, run = row
    if state is None:
        return refusals.NOT_ON_SALE(product=product_id)
    if state != "open" or (run_id and run != run_id):
        return SALE_CLOSED
    return refusals.SOLD_OUT(product=product_id) if int(left or 0) <= 0 else None


def _packed(items: Iterable[Take], keys_before: int) -> tuple[str, list[str]]:
    """The items as take.lua reads them, and the references among them that are keyed."""
    refs: list[str] = []
    rows: list[list[str | int]] = []
    for item in items:
        rows.append([item.ref, str(item.user_id), item.count, item.amount, item.request_id])
        if item.keyed:
            refs.append(item.ref)
            rows[-1].append(keys_before + len(refs))
    return orjson.dumps(rows).decode(), refs


def lua(name: str) -> str:
    """The text of one of the scripts beside this module."""
    return files("eshop_flash_sale.sale").joinpath(name).read_text("utf-8")


def _unsettled(ref: str, units: str) -> Take:
    count, user, _version = units.split(":")
    return Take(ref, int(user), int(count))
