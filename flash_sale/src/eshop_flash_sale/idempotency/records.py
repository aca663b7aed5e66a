"""The records of idempotency keys in Redis. Those of one user share a hash slot, with a count of them."""

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
REFUSAL_KEPT_SECONDS = 120
"""A refusal took nothing, so its record may go soon: whoever repeats the request then is a new buyer."""


@dataclass(frozen=True)
class Claim:
    """A key as a request claims it: the name of its record, a hash of the body, the order that the request would be.

    `user` names whose record it is, within the hash tag of `record`. `makes_record` is False for a request that cannot
    succeed: it is told what is known of the key and leaves nothing behind.
    """

    record: str
    body: str
    order_id: str
    user: str = ""
    makes_record: bool = True
    token: str = field(default_factory=lambda: secrets.token_hex(8))


@dataclass(frozen=True)
class Known:
    """What claim_key.lua says of a key: claimed, again, answered, running, other, absent or many."""

    state: str
    order_id: str
    answer: str


@dataclass(frozen=True)
class _Note:
    """Fields to write into a record, and for how long it is kept from now on."""

    claim: Claim
    fields: Mapping[str, str]
    seconds: int
    uncounted: bool = False


class KeyRecords:
    """Claims keys and keeps what was answered; calls that come together go in one round trip."""

    def __init__(self, redis: Redis, *, lease_seconds: float, most_per_user: int) -> None:
        """`lease_seconds`: for so long an unanswered key belongs to the request that claimed it. `most_per_user`: as
        many records one user may have at a time.
        """
        self._redis = redis
        self._most_per_user = most_per_user
        self._lease_ms = int(lease_seconds * 1000)
        self._script: AsyncScript = redis.register_script(
            files("eshop_flash_sale.idempotency").joinpath("claim_key.lua").read_text("utf-8")
        )
        self._claims = Coalescer[Claim, Known]("flash_key_claims", self._claim, lanes=2, max_items=MOST_TOGETHER)
        self._notes = Coalescer[_Note, None]("flash_key_answers", self._note, lanes=2, max_items=MOST_TOGETHER)

    async def claim(self, claim: Claim) -> Known:
        """Claims the key, or tells what is known of it. Raises RedisError."""
        return await self._claims.call(claim)

    async def answer(self, claim: Claim, order_id: str, answer: str, *, refused: bool = False) -> None:
        """Keeps an answer, with everything else once more: Redis may have lost the claim in the meantime.

        A refusal is kept for a short time only, and does not count for its user.
        """
        record = {"body": claim.body, "order": order_id, "by": claim.token, "until": "0", "answer": answer}
        seconds = REFUSAL_KEPT_SECONDS if refused else KEPT_SECONDS
        await self._notes.call(_Note(claim, record, seconds, uncounted=refused))

    async def let_go(self, claim: Claim) -> None:
        """Lets a repetition go on at once."""
        await self._notes.call(_Note(claim, {"until": "0"}, KEPT_SECONDS))

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
                most = self._most_per_user if claim.makes_record else 0
                args = [claim.body, claim.order_id, claim.token, self._lease_ms, KEPT_SECONDS, most]
                await self._script(keys=[claim.record, _count_of(claim)], args=args, client=pipe)
            return await pipe.execute()

    async def _note(self, batch: Sequence[Pending[_Note, None]]) -> None:
        async with self._redis.pipeline(transaction=False) as pipe:
            for note in (pending.item for pending in batch):
                pipe.hset(note.claim.record, items=[text for pair in note.fields.items() for text in pair])
                pipe.expire(note.claim.record, note.seconds)
                if note.uncounted:
                    pipe.decr(_count_of(note.claim))
                    pipe.expire(_count_of(note.claim), KEPT_SECONDS, nx=True)  # Redis may have lost the count
            await pipe.execute()
        for pending in batch:
            pending.resolve(None)


def record_name(user: str, key: str) -> str:
    """The record of a key of this user."""
    return f"flash:key:{{{user}}}:{key}"


def _count_of(claim: Claim) -> str:
    return f"flash:keys:{{{claim.user}}}"
