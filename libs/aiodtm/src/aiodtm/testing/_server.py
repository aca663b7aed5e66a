"""DTM's calls in memory, and its loop over unfinished transactions."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field, replace
from typing import Any

from aiodtm._errors import AiodtmError, DtmAborted, DtmFailure, DtmTimeout, DtmUnavailable
from aiodtm._gid import random_gid
from aiodtm._outcome import Transaction
from aiodtm._server import Wanted
from aiodtm._wire.dtm_pb2 import Request
from aiodtm.testing._passes import MessagePass, SagaPass
from aiodtm.testing._transactions import Caller, DtmDied, Operation, Stored, operations_of

Passing = asyncio.Task[AiodtmError | None]


@dataclass
class MemoryServer:
    """A `DtmServer`."""

    caller: Caller
    retry_after: float | None
    _stored: dict[str, Stored] = field(default_factory=dict[str, Stored])
    _passing: dict[Passing, Stored] = field(default_factory=dict[Passing, Stored])
    _waiting: set[asyncio.Task[Any]] = field(default_factory=set[asyncio.Task[Any]])

    async def new_gid(self, limit: float) -> str:
        return random_gid()

    async def query(self, gid: str, limit: float) -> Transaction | None:
        await asyncio.sleep(0)
        stored = self._stored.get(gid)
        return stored.seen() if stored else None

    async def page(self, wanted: Wanted, position: str, limit: float) -> tuple[list[Transaction], str]:
        await asyncio.sleep(0)
        found = [stored.seen() for stored in reversed(self._stored.values())]
        some = [t for t in found if wanted.status in (None, t.status) and wanted.trans_type in (None, t.trans_type)]
        return [replace(transaction, branches=()) for transaction in some], ""

    async def force_stop(self, gid: str, limit: float) -> None:
        stored = self._stored[gid]
        if stored.finished:
            raise DtmAborted(f"global transaction force stop error. status: {stored.status}. error: FAILURE")
        stored.change(stored.status, "failed")

    async def reset_cron_time(self, young: int, limit: float) -> bool:
        self._wait_for(self._recover())
        return False

    async def reset_next_cron_time(self, gid: str, limit: float) -> None:
        self._wait_for(self._recover())

    async def prepare(self, request: Request, limit: float) -> None:
        stored = self._stored.setdefault(request.Gid, Stored(request, "prepared", operations_of(request)))
        if stored.status != "prepared":
            raise DtmAborted(f"current status '{stored.status}', cannot prepare. FAILURE")

    async def abort(self, request: Request, limit: float) -> None:
        stored = self._stored.get(request.Gid)
        if stored is None:
            raise DtmFailure(f"UNKNOWN: no TransGlobal with gid: {request.Gid} found")
        if stored.status != "prepared":
            raise DtmAborted(f"trans type: 'msg' current status '{stored.status}', cannot abort. FAILURE")
        stored.change("prepared", "failed")

    async def submit(self, request: Request, limit: float) -> None:
        fate = self.caller.faults.take_submit()
        if fate == "lost":
            raise DtmUnavailable("lost by plan")
        passing = self._pass(*self._accepted(request))
        if fate == "timeout":
            raise DtmTimeout("timed out by plan")
        if not request.TransOptions.WaitResult:
            return
        await asyncio.wait([passing], timeout=limit)
        if not passing.done():
            if request.TransType == "msg":
                passing.cancel()  # only a message's deliveries hang on the sender's call
            raise DtmTimeout
        if fate == "reply_lost":
            raise DtmUnavailable("reply lost by plan")
        if error := passing.result():
            raise error

    def _accepted(self, request: Request) -> tuple[Stored, list[Operation]]:
        operations = operations_of(request)
        stored = self._stored.get(request.Gid)
        if stored is None:
            stored = self._stored[request.Gid] = Stored(request, "submitted", operations)
        elif stored.status == "prepared":
            stored.change("prepared", "submitted")
            stored.request, operations = request, stored.operations
        elif stored.status != "submitted":
            raise DtmAborted(f"current status '{stored.status}', cannot submit. FAILURE")
        # A gid that is submitted already gets a second pass, with a new list of operations in which nothing is done.
        return stored, operations

    def _pass(self, stored: Stored, operations: list[Operation]) -> Passing:
        """Begins one pass. Its result is the error with which DTM would answer a Submit that waits for it."""
        task = asyncio.get_running_loop().create_task(_passed(stored, operations, self.caller))
        self._passing[task] = stored
        task.add_done_callback(self._pass_ended)
        return task

    def _pass_ended(self, task: Passing) -> None:
        stored = self._passing.pop(task)
        if self.retry_after is not None and stored.status in ("submitted", "aborting"):
            self._wait_for(self._retried(stored, self.retry_after))

    async def _retried(self, stored: Stored, after: float) -> None:
        await asyncio.sleep(after)
        if not stored.finished and stored not in self._passing.values():
            self._pass(stored, stored.operations)

    async def _recover(self) -> None:
        """DTM's loop: one pass over every unfinished transaction that nobody is at, one after the other."""
        for stored in list(self._stored.values()):
            if not stored.finished and stored not in self._passing.values():
                await asyncio.wait([self._pass(stored, stored.operations)])

    async def settle(self, passes: int) -> None:
        for _ in range(passes):
            while busy := [*self._passing, *self.caller.running]:
                await asyncio.wait(busy)
            if all(stored.finished for stored in self._stored.values()):
                await self.caller.deliver_late()
                return
            await self._recover()
        stuck = {gid: stored.problem for gid, stored in self._stored.items() if not stored.finished}
        raise DtmFailure(f"these do not come to an end: {stuck}")

    async def aclose(self) -> None:
        tasks: list[asyncio.Task[Any]] = [*self._passing, *self._waiting, *self.caller.running]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _wait_for(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._waiting.add(task)
        task.add_done_callback(self._waiting.discard)


async def _passed(stored: Stored, operations: list[Operation], caller: Caller) -> AiodtmError | None:
    kind = SagaPass if stored.request.TransType == "saga" else MessagePass
    try:
        await kind(stored, operations, caller).run()
    except DtmDied:
        return DtmUnavailable("DTM died, by plan")
    except DtmFailure as error:
        return error
    if stored.status == "succeed":
        return None
    return DtmAborted(stored.rollback_reason or "wait result not return success: FAILURE")
