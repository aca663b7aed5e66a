"""The records of idempotency keys in Redis, each in a hash slot of its own."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files

from redis.asyncio import Redis
from redis.commands.core import AsyncScript
from redis.exceptions import RedisError

from eshop_chassis import KEPT_SECONDS
from eshop_chassis.calls import Coalescer, Pending

MOST_TOGETHER = 200


@dataclass(frozen=True)
class Claim:
    """A key as a request claims it: the name of its record, a hash of the body, the order that the request would be."""

    record: str
    body: str
    order_id: str
    token: str = field(default_factory=lambda: secrets.token_hex(8))


@dataclass(frozen=True)
class Known:
    """What claim_key.lua says of a key: claimed, again, answered, running or other."""

    state: str
    order_id: str
    answer: str


class KeyRecords:
    """Claims keys and keeps what was answered; calls that come together go in one round trip."""

    def __init__(self, redis: Redis, *, lease_seconds: float) -> None:
        """`lease_seconds`: for so long an unanswered key belongs to the request that claimed it."""
        self._redis = redis
        self._lease_ms = int(lease_seconds * 1000)
        self._script: AsyncScript = redis.register_script(
            files("eshop_flash_sale.idempotency").joinpath("claim_key.lua").read_text("utf-8")
        )
        self._claims = Coalescer[Claim, Known]("flash_key_claims", self._claim, lanes=2, max_items=MOST_TOGETHER)
        self._notes = Coalescer[tuple[str, Mapping[str, str]], None](
            "flash_key_answers", self._note, lanes=2, max_items=MOST_TOGETHER
        )

    async def claim(self, claim: Claim) -> Known:
        """Claims the key, or tells what is known of it. Raises RedisError."""
        return await self._claims.call(claim)

    async def answer(self, claim: Claim, order_id: str, answer: str) -> None:
        """Keeps an answer, with everything else once more: Redis may have lost the claim in the meantime."""
        record = {"body": claim.body, "order": order_id, "by": claim.token, "until": "0", "answer": answer}
        await self._notes.call((claim.record, record))

    async def let_go(self, claim: Claim) -> None:
        """Lets a repetition go on at once."""
        await self._notes.call((claim.record, {"until": "0"}))

    async def _claim(self, batch: Sequence[Pending[Claim, Known]]) -> None:
        try:
            answers = await self._claim_all(batch)
        except RedisError:
            answers = await self._claim_all(batch)  # the reply was lost: the tokens tell the claims apart
        for pending, (state, order_id, answer) in zip(batch, answers, strict=True):
            pending.resolve(Known(state, order_id, answer))

    async def _claim_all(self, batch: Sequence[Pending[Claim, Known]]) -> list[list[str]]:
        async with self._redis.pipeline(transaction=False) as pipe:
            for claim in (pending.item for pending in batch):
                args = [claim.body, claim.order_id, claim.token, self._lease_ms, KEPT_SECONDS]
                await self._script(keys=[claim.record], args=args, client=pipe)
            return await pipe.execute()

    async def _note(self, batch: Sequence[Pending[tuple[str, Mapping[str, str]], None]]) -> None:
        async with self._redis.pipeline(transaction=False) as pipe:
            for record, fields in (pending.item for pending in batch):
                pipe.hset(record, items=[text for pair in fields.items() for text in pair])
                pipe.expire(record, KEPT_SECONDS)
            await pipe.execute()
        for pending in batch:
            pending.resolve(None)
