"""Submitting once.

A second Submit of a saga that still runs makes DTM start a second pass over all branches beside the first; when one
pass undoes while the other goes on, a failed saga keeps some of its actions. So nothing is submitted that DTM may know
already: after anything but a plain success DTM is asked first, and only a gid that it does not know is submitted again.
"""

import asyncio
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from aiodtm._errors import DtmAborted, DtmFailure, DtmNotReached, DtmTimeout, DtmUnavailable
from aiodtm._outcome import Outcome, Transaction
from aiodtm._same import refuse_another
from aiodtm._server import DtmServer
from aiodtm._wire.dtm_pb2 import Request

QUERY_LIMIT = 1.0

# A Submit that was given up may still be on its way through DTM. Its first act there is to store the gid in the store
# that also answers our question; so DTM has to deny the gid for a while before it is submitted again. (Seconds.)
# Measured with a DTM that was stopped for up to 2.5 s under 60 sagas: submitting again at the first denial gave second
# passes in 8 rounds of 12, with these waits in none.
AFTER_LOST_CONNECTION = 0.3
AFTER_TIMEOUT = 3.0


def _pauses() -> Iterator[float]:
    """Seconds between two questions: none, then 10 ms, doubling up to 250 ms."""
    yield 0
    pause = 0.01
    while True:
        yield pause
        pause = min(pause * 2, 0.25)


class Clock:
    """The time that is left of `limit` seconds."""

    def __init__(self, limit: float) -> None:
        self._end = time.monotonic() + limit

    @property
    def left(self) -> float:
        return self._end - time.monotonic()

    async def pause(self, seconds: float) -> bool:
        """Sleeps; False, at once, when that would not leave time for anything after it."""
        if self.left <= seconds:
            return False
        await asyncio.sleep(seconds)
        return True


@dataclass
class Submission:
    """What is known of one transaction's Submits. Kept between attempts: a timeout of one matters to the next."""

    server: DtmServer
    must_be_denied: float = 0.0  # seconds, as above
    denied_since: float | None = None
    why: str = ""

    async def run(self, request: Request, clock: Clock, *, fresh: bool) -> Outcome:
        """`fresh`: nobody has ever submitted this gid, so the question before the first Submit can be left out.

        Raises GidConflict where DTM turns out to have something else under this gid.
        """
        may_submit = fresh
        for pause in _pauses():
            if may_submit and (done := await self._submit(request, clock)):
                return done
            may_submit = False
            try:
                found = await self._query(request.Gid, clock)
            except (DtmUnavailable, DtmFailure) as error:
                self.why = str(error)
            else:
                refuse_another(found, request)
                # A message that is only prepared waits for its Submit, however often that comes.
                if found is not None and found.status != "prepared":
                    return await self._follow(found, request, clock)
                may_submit = self._denied_long_enough()
                self.why = self.why or "DTM has no such gid, and the time was up before it could be submitted"
            if not await clock.pause(pause):
                break
        return Outcome("unknown", self.why)

    async def _submit(self, request: Request, clock: Clock) -> Outcome | None:
        """The outcome when DTM's reply settles it. A little time is kept back to ask after a reply that is lost."""
        limit = max(clock.left - min(0.3, clock.left / 5), 0.001)
        # Until DTM has answered: a caller that is cancelled here leaves a Submit behind too.
        self.must_be_denied, self.denied_since = AFTER_TIMEOUT, None
        try:
            await self.server.submit(request, limit)
        except DtmTimeout as error:
            self.why = str(error)
            return None
        except DtmUnavailable as error:
            self.must_be_denied = 0.0 if isinstance(error, DtmNotReached) else AFTER_LOST_CONNECTION
            self.why = str(error)
            return None
        except (DtmAborted, DtmFailure) as error:
            self.must_be_denied = 0.0
            self.why = str(error)
            return None
        return Outcome("succeed") if request.TransOptions.WaitResult else Outcome("running")

    async def _query(self, gid: str, clock: Clock) -> Transaction | None:
        return await self.server.query(gid, max(min(QUERY_LIMIT, clock.left), 0.05))

    def _denied_long_enough(self) -> bool:
        now = time.monotonic()
        self.denied_since = self.denied_since or now
        return now - self.denied_since >= self.must_be_denied

    async def _follow(self, found: Transaction, request: Request, clock: Clock) -> Outcome:
        """Asks until the transaction is finished or the time is up."""
        for pause in _pauses():
            if found.finished or not request.TransOptions.WaitResult or not await clock.pause(pause):
                break
            with suppress(DtmUnavailable, DtmFailure):  # that DTM has it is known: enough to go on
                found = await self._query(request.Gid, clock) or found
        return found.outcome
