"""What the DTM in memory stores, and one call of a branch."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from aiodtm._errors import AiodtmError, BranchRefused, BranchRunning, DtmFailure
from aiodtm._outcome import BranchState, Status, Transaction
from aiodtm._wire.dtm_pb2 import Request
from aiodtm.testing._plan import Faults

Handler = Callable[[bytes, dict[str, str]], Awaitable[object]]
Answer = Literal["succeed", "failed", "running", "unknown"]
Calling = asyncio.Task[tuple[Answer, str]]


@dataclass(eq=False)
class Operation:
    """One operation of one branch. `step` counts from 1."""

    step: int
    branch_id: str
    op: str
    url: str
    payload: bytes
    status: str = "prepared"


@dataclass(eq=False)
class Stored:
    """One transaction, as DTM would have it in its database."""

    request: Request
    status: Status
    operations: list[Operation]
    rollback_reason: str = ""
    problem: str = ""  # why the last pass went no further
    delayed: bool = False  # a message's delay is over after its first pass
    created: str = field(default_factory=lambda: datetime.now(UTC).isoformat())

    @property
    def custom(self) -> dict[str, Any]:
        return json.loads(self.request.CustomedData or "{}")

    @property
    def finished(self) -> bool:
        return self.status in ("succeed", "failed")

    def change(self, old: Status, new: Status, reason: str = "") -> Status:
        """Changes the status, unless another pass has changed it: DTM then panics in the pass that comes second."""
        if self.status != old:
            raise DtmFailure("UNKNOWN: dtm panic: storage: NotFound")
        self.status = new
        self.rollback_reason = reason or self.rollback_reason
        return new

    def seen(self) -> Transaction:
        return Transaction(
            gid=self.request.Gid,
            trans_type=self.request.TransType,
            status=self.status,
            rollback_reason=self.rollback_reason,
            query_prepared=self.request.QueryPrepared,
            create_time=self.created,
            branches=tuple(BranchState(o.branch_id, o.op, o.status, o.url, o.payload) for o in self.operations),
        )


def operations_of(request: Request) -> list[Operation]:
    """The operations of a new transaction in DTM's order: of a saga's branch first the undo, then the action."""
    found: list[Operation] = []
    for number, (step, payload) in enumerate(zip(json.loads(request.Steps), request.BinPayloads, strict=True), 1):
        ops = ("compensate", "action") if request.TransType == "saga" else ("action",)
        found += [Operation(number, f"{number:02d}", op, step[op], payload) for op in ops]
    return found


class DtmDied(Exception):  # noqa: N818 - not an error of a transaction: the plan lets DTM die here
    """DTM dies at this point."""


@dataclass(frozen=True)
class Arrival:
    """One call that reached a branch."""

    gid: str
    branch_id: str
    op: str
    url: str


@dataclass
class Caller:
    """Calls branches, with the faults that the plan wants. `arrivals`: every call that reached a branch, in order."""

    faults: Faults
    branch_limit: float
    handlers: dict[str, Handler] = field(default_factory=dict[str, Handler])
    arrivals: list[Arrival] = field(default_factory=list[Arrival])
    late: list[tuple[Request, Operation]] = field(default_factory=list[tuple[Request, Operation]])
    running: set[Calling] = field(default_factory=set[Calling])

    def start(self, request: Request, operation: Operation) -> Calling:
        """Calls the branch in a task of its own: a call goes on when the pass that made it has ended."""
        task = asyncio.get_running_loop().create_task(self.call(request, operation))
        self.running.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: Calling) -> None:
        self.running.discard(task)
        if not task.cancelled():
            task.exception()  # the pass may not be there any more to look at it

    async def call(self, request: Request, operation: Operation) -> tuple[Answer, str]:
        """What the branch answered, and its text. An operation without address succeeds, as with DTM."""
        if not operation.url:
            return "succeed", ""
        kind = self.faults.take(operation.step, operation.op)
        if kind == "late":
            self.late.append((request, operation))
        if kind in ("lost", "late"):
            return "unknown", "no answer"
        if kind == "refused":
            return "failed", "refused by plan"
        if kind == "crash_before":
            raise DtmDied
        answer = await self._deliver(request, operation)
        if kind == "crash_after":
            raise DtmDied
        return ("unknown", "no answer") if kind == "reply_lost" else answer

    async def deliver_late(self) -> None:
        """Now come the calls that were held back."""
        while self.late:
            await self._arrive(*self.late.pop(0))

    async def _deliver(self, request: Request, operation: Operation) -> tuple[Answer, str]:
        arrivals = [self._arrive(request, operation) for _ in range(self.faults.plan.repeat)]
        if self.faults.plan.together:
            return (await asyncio.gather(*arrivals))[-1]
        answers = [await arrival for arrival in arrivals]
        return answers[-1]

    async def _arrive(self, request: Request, operation: Operation) -> tuple[Answer, str]:
        self.arrivals.append(Arrival(request.Gid, operation.branch_id, operation.op, operation.url))
        handler = self.handlers.get(operation.url)
        if handler is None:
            return "unknown", f"no branch at {operation.url}"
        try:
            async with asyncio.timeout(request.TransOptions.RequestTimeout or self.branch_limit):
                await handler(operation.payload, _metadata(request, operation))
        except BranchRefused as error:
            return "failed", error.short
        except BranchRunning as error:
            return "running", error.detail
        except Exception as error:
            return "unknown", str(error) if isinstance(error, AiodtmError) else repr(error)
        return "succeed", ""


def _metadata(request: Request, operation: Operation) -> dict[str, str]:
    return {
        "dtm-gid": request.Gid,
        "dtm-trans_type": request.TransType,
        "dtm-branch_id": operation.branch_id,
        "dtm-op": operation.op,
        "dtm-dtm": "",
        **request.TransOptions.BranchHeaders,
    }
