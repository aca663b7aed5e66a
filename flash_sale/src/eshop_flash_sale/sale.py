"""The sales in Redis: taking units, giving them back, closing, opening, settling. One hash slot per product."""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from importlib.resources import files

import orjson
from redis.asyncio import Redis
from redis.commands.core import AsyncScript
from redis.exceptions import ResponseError

import aiodtm
from aiodtm.redis import RedisBarrier, RedisOutcome
from eshop_chassis.idempotency import KEPT_SECONDS
from eshop_flash_sale.runs import RedisRuns
from protoc_gen_fastapi.runtime import Refused, Unavailable

SOLD_OUT, NOT_ON_SALE, LIMIT_REACHED = "SOLD_OUT", "NOT_ON_SALE", "LIMIT_REACHED"
SOLD_OUT_CODE, NOT_ON_SALE_CODE, LIMIT_CODE = 30023, 30024, 30025
CODES = {SOLD_OUT: SOLD_OUT_CODE, NOT_ON_SALE: NOT_ON_SALE_CODE, LIMIT_REACHED: LIMIT_CODE}


@dataclass(frozen=True)
class Take:
    """Units to take. `ref` is the order's id, or another unique reference; user 0 is nobody in particular.

    `keyed`: the same reference may come again in another message, and must not take twice.
    """

    ref: str
    user_id: int
    count: int
    keyed: bool = field(default=False, compare=False)


@dataclass(frozen=True)
class Taken:
    """What a call took: accepted references, and refused ones with their codes."""

    accepted: frozenset[str]
    refused: Mapping[str, str]


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
        self._take_script = lua("take.lua")
        self._close: AsyncScript = redis.register_script(lua("close.lua"))
        self._open: AsyncScript = redis.register_script(lua("open.lua"))
        self._settle: AsyncScript = redis.register_script(lua("settle.lua"))

    async def surely_refuses(self, product_id: int) -> str | None:
        """A cheap look before any work: the code with which a buyer of one unit would be refused now, if any."""
        state, left = await self._redis.hmget(Keys(product_id).sale, ["state", "left"])  # pyright: ignore[reportGeneralTypeIssues]
        if state is None:
            return NOT_ON_SALE
        return SOLD_OUT if state == "open" and int(left or 0) <= 0 else None

    async def take(self, barrier: aiodtm.Barrier, product_id: int, items: Sequence[Take], *, each: bool) -> Taken:
        """Takes units once per branch. Raises Unavailable while the sale is being set, BranchRefused after an undo."""
        packed, refs = _packed(items, len(Keys(product_id).all))
        run_id = await self.run_id()
        args = ["each" if each else "all", packed, KEPT_SECONDS, run_id]
        more_keys = [Keys(product_id).taken(ref) for ref in refs]
        with self._runs.expecting(run_id) if self._runs else nullcontext():
            outcome = await self._under_barrier(barrier, product_id, args, more_keys)
        if outcome.state == "undone":
            raise aiodtm.BranchRefused("undone")
        return Taken(accepted_refs(outcome), dict(orjson.loads(outcome.result)["refused"]))

    async def run_id(self, *, fresh: bool = False) -> str:
        """The run of Redis as far as this process knows, or as Redis tells now; "" where nobody looks after it."""
        if self._runs is None:
            return ""
        return self._runs.last if self._runs.last and not fresh else await self._runs.now(self._redis)

    async def give_back(self, barrier: aiodtm.Barrier, product_id: int) -> None:
        """Undoes `take` once; where it took nothing, makes sure that it never will."""
        await self._under_barrier(barrier, product_id, ["undo", "[]"])

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
        args = [token, version, units, limit, run_id or await self.run_id(), int(keep_buyers)]
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

    async def _under_barrier(
        self, barrier: aiodtm.Barrier, product_id: int, args: list[str | int], more_keys: Sequence[str] = ()
    ) -> RedisOutcome:
        keys = Keys(product_id)
        guarded = RedisBarrier(barrier, slot=keys.slot)
        try:
            return await guarded.once(self._redis, self._take_script, [*keys.all, *more_keys], args)
        except ResponseError as error:
            if "SALE_CLOSED" in str(error):
                raise Unavailable("the flash sale is being set; try again in a moment", short="SALE_CLOSED") from error
            raise


def accepted_refs(outcome: RedisOutcome) -> frozenset[str]:
    """The references whose units a `take` with this outcome took."""
    if outcome.state != "ok":
        return frozenset()
    return frozenset(item[0] for item in orjson.loads(outcome.result)["accepted"])


def _packed(items: Sequence[Take], keys_before: int) -> tuple[str, list[str]]:
    """The items as take.lua reads them, and the references among them that are keyed."""
    refs = [item.ref for item in items if item.keyed]
    number = {ref: keys_before + n for n, ref in enumerate(refs, 1)}
    rows = [[i.ref, str(i.user_id), i.count, *([number[i.ref]] if i.keyed else [])] for i in items]
    return orjson.dumps(rows).decode(), refs


def lua(name: str) -> str:
    """The text of a script of this service."""
    return files("eshop_flash_sale").joinpath(name).read_text("utf-8")


def _unsettled(ref: str, units: str) -> Take:
    count, user, _version = units.split(":")
    return Take(ref, int(user), int(count))
