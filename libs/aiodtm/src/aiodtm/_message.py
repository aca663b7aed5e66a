"""Two-phase messages: a local transaction, and then, if and only if it was committed, deliveries.

    prepare   DTM notes the message and the address of its check-back
    work      the local transaction, with the barrier's row in it
    submit    DTM delivers, again and again until every step has succeeded

A sender that dies between prepare and submit is asked by DTM: the check-back looks for the barrier's row.
"""

import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

from aiodtm._barrier import Barrier
from aiodtm._errors import AiodtmError, BranchRefused, DtmAborted, DtmFailure, InvalidTransaction
from aiodtm._guard import BarrierStore
from aiodtm._outcome import Outcome
from aiodtm._request import Draft, Payload, checked_seconds
from aiodtm._same import refuse_another
from aiodtm._server import DtmServer
from aiodtm._submitting import Clock, Submission
from aiodtm._wire.dtm_pb2 import Request

Tx = TypeVar("Tx")

CALL_LIMIT = 2.0


class Message:
    """A two-phase message that is being written down, then prepared and submitted. Made by `Dtm.message`."""

    def __init__(self, server: DtmServer, draft: Draft, *, fresh: bool) -> None:
        self._server = server
        self._submission = Submission(server)
        self._draft = draft
        self._fresh = fresh
        self._delay = 0
        self._sent = False
        self._ours_until = 0.0  # until then no check-back can have submitted it, so Submit need not ask first

    @property
    def gid(self) -> str:
        return self._draft.gid

    @property
    def barrier(self) -> Barrier:
        """The barrier of the local transaction, which the check-back finds: branch "00", op "msg"."""
        return Barrier.of_message(self.gid)

    def step(self, action: str, payload: Payload) -> int:
        """Adds a delivery and returns its index. Its branch must not refuse: DTM repeats it until it succeeds."""
        self._refuse_once_sent()
        self._draft.add({"action": action}, payload)
        return len(self._draft.steps) - 1

    def delay(self, seconds: int) -> None:
        """DTM delivers no earlier than this many whole seconds after `prepare`."""
        self._refuse_once_sent()
        self._delay = checked_seconds("a delay", seconds, least=0)

    async def prepare(self, limit: float = CALL_LIMIT) -> None:
        """Has DTM note the message. Safe to repeat until it is decided; then raises DtmAborted.

        Raises GidConflict where DTM has something else under this gid.
        """
        fresh, now = self._fresh and not self._sent, time.monotonic()
        request = self._request(wait=False)
        try:
            await self._server.prepare(request, limit)
        except DtmAborted:
            refuse_another(await self._server.query(self.gid, limit), request)
            raise
        if not fresh:  # DTM answers the same whether it noted this message or had another one
            refuse_another(await self._server.query(self.gid, limit), request)
        self._ours_until = now + self._draft.timeout_to_fail - 1

    async def submit(self, limit: float = 3.0, *, wait: bool = True) -> Outcome:
        """Has DTM deliver, and with `wait` waits for it, at most `limit` seconds. Safe to repeat. Raises GidConflict.

        "failed" means that the message was aborted, or that a check-back found nothing committed. A limit
        that runs out cancels the delivery DTM is just making; DTM repeats it after its retry interval.
        """
        fresh, self._ours_until = time.monotonic() < self._ours_until, 0.0
        return await self._submission.run(self._request(wait=wait), Clock(limit), fresh=fresh)

    async def abort(self, limit: float = CALL_LIMIT) -> None:
        """Has DTM drop a prepared message. Safe to repeat. Raises DtmAborted when it was submitted."""
        self._ours_until = 0.0
        try:
            await self._server.abort(self._request(wait=False), limit)
        except (DtmAborted, DtmFailure):
            found = await self._server.query(self.gid, limit)
            if found is not None and found.status != "failed":
                raise

    async def do_and_submit(
        self,
        barriers: BarrierStore[Tx],
        work: Callable[[Tx], Awaitable[object]],
        *,
        refuse_on: tuple[type[Exception], ...] = (),
        limit: float = 3.0,
        wait: bool = True,
    ) -> Outcome:
        """prepare, `work` in one transaction with the barrier's row, submit.

        The check-back has to look where `barriers` writes: `await barriers.query_prepared(barrier)`.
        When `work` raises one of `refuse_on` (or BranchRefused) the message is aborted and the error raised
        again. Any other error leaves the message to the check-back, which finds out whether the transaction
        was committed.
        """
        await self.prepare()
        try:
            await barriers.once(self.barrier, work, refuse_on=refuse_on)
        except (BranchRefused, *refuse_on):
            with suppress(AiodtmError):  # an abort that is lost is made up for by the check-back
                await self.abort()
            raise
        return await self.submit(limit, wait=wait)

    def _request(self, *, wait: bool) -> Request:
        # Everything at every call: DTM's recovery goes by what Prepare brought, its first pass by what Submit brings.
        self._sent = True
        custom = {"delay": self._delay} if self._delay else None
        return self._draft.request(custom, wait=wait)

    def _refuse_once_sent(self) -> None:
        if self._sent:
            raise InvalidTransaction("it has been prepared: Submit has to say the same as Prepare")
