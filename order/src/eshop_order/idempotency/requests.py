"""Requests that bear an idempotency key: each is done once, and its answer is the same ever after.

A key's record says which order the request is, before anything else is done. A repetition finds it: where an answer was
given it is given again; otherwise the first request still runs, or its process died. In the latter case the repetition
goes on with the same order, which is placed once however often that happens.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import TypeVar

from eshop_chassis import describe, get_logger, other_request, still_running
from eshop_chassis.calls import Coalescer, Pending
from eshop_chassis.mysql import Transactions
from eshop_order.idempotency.keys import MOST_FORGOTTEN, Claim, Keys, Known
from eshop_order.replies import submit_reply
from eshop_protos.order.v1 import order_pb2 as pb
from protoc_gen_fastapi.runtime import Refused

log = get_logger(__name__)
R = TypeVar("R")
SubmitReply = pb.SubmitOrderReply
NotifyReply = pb.SendSubmitOrderNotifyReply
MOST_TOGETHER = 200
FORGET_EVERY_SECONDS = 60.0


class KeyedRequests:
    """Runs each keyed request once. `is_running` tells whether this process is at an order."""

    def __init__(
        self, db: Transactions, store: Keys, is_running: Callable[[str], bool], *, lease_seconds: float
    ) -> None:
        """`lease_seconds`: for so long an unanswered key belongs to the request that claimed it."""
        self._db = db
        self._store = store
        self._is_running = is_running
        self._lease_seconds = lease_seconds
        self._claims = Coalescer[Claim, bool]("key_claims", self._claim, max_items=MOST_TOGETHER)
        self._answers = Coalescer[tuple[str, str], None]("key_answers", self._answer, max_items=MOST_TOGETHER)

    async def submit(self, claim: Claim, run: Callable[[str], Awaitable[SubmitReply]]) -> SubmitReply:
        """Answers a submitted order; `run` places it under the id that it is given."""
        reply = await self._once(claim, run, lambda reply: "running" if reply.status == "running" else "")
        if isinstance(reply, Known):
            return submit_reply(reply.order_id, None if reply.answer == "running" else reply.final)
        return reply

    async def notify(self, claim: Claim, run: Callable[[str], Awaitable[NotifyReply]]) -> NotifyReply:
        """Answers a buffered order; `run` writes it to the queue under the id that it is given."""
        reply = await self._once(claim, run, lambda _: "accepted")
        return pb.SendSubmitOrderNotifyReply(orderID=reply.order_id) if isinstance(reply, Known) else reply

    async def _once(self, claim: Claim, run: Callable[[str], Awaitable[R]], answer_of: Callable[[R], str]) -> R | Known:
        """What `run` answers for the order that the key stands for, or what is known where that was answered before.

        `answer_of` is what to keep of a reply, "" where the order's row tells it. Raises Unprocessable where the key
        was used for something else, Refused (409) while it is being answered.
        """
        if await self._claims.call(claim):
            return await self._run(claim.order_id, run, answer_of)
        known = await self._db.run(lambda tx: self._store.find(tx, claim, self._lease_seconds))
        if known is None:
            raise still_running()  # it was forgotten in this very moment
        if known.body != claim.body:
            raise other_request()
        if known.answer or known.final:
            return known
        at_it = claim.operation == "submit" and self._is_running(known.order_id)
        if known.fresh or at_it or not await self._taken_over(known.order_id):
            raise still_running()
        return await self._run(known.order_id, run, answer_of)

    async def forget_old(self) -> None:
        """For ever: deletes records after their time, in small bites."""
        while True:
            try:
                while await self._db.run(self._store.forget) == MOST_FORGOTTEN:
                    pass
            except Exception as error:
                log.info("old idempotency keys are deleted later", why=describe(error))
            await asyncio.sleep(FORGET_EVERY_SECONDS)

    async def _run(self, order_id: str, run: Callable[[str], Awaitable[R]], answer_of: Callable[[R], str]) -> R:
        try:
            reply = await run(order_id)
        except Refused:
            raise  # final: the order's row tells it again
        except BaseException:
            await self._let_go(order_id)
            raise
        if answer := answer_of(reply):
            await self._answers.call((order_id, answer))
        return reply

    async def _taken_over(self, order_id: str) -> bool:
        log.info("a repeated request takes an order over", order_id=order_id)
        return await self._db.run(lambda tx: self._store.take_over(tx, order_id, self._lease_seconds))

    async def _let_go(self, order_id: str) -> None:
        """Lets the next repetition go on at once; should this fail, it can when the lease is over."""
        with suppress(Exception):
            await self._db.run(lambda tx: self._store.let_go(tx, order_id))

    async def _claim(self, batch: Sequence[Pending[Claim, bool]]) -> None:
        claimed = await self._db.run(lambda tx: self._store.claim(tx, [pending.item for pending in batch]))
        for pending in batch:
            pending.resolve(pending.item.order_id in claimed)

    async def _answer(self, batch: Sequence[Pending[tuple[str, str], None]]) -> None:
        await self._db.run(lambda tx: self._store.answer(tx, [pending.item for pending in batch]))
        for pending in batch:
            pending.resolve(None)
