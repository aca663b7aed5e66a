"""One pass of DTM over a transaction: it goes as far as the branches let it. Modelled on what v1.19.0 was seen to do.

A pass works on its own list of operations. DTM makes a new list for a second Submit of a gid, so two passes over one
transaction can run side by side and know nothing of each other: why submitting once matters.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from aiodtm._errors import DtmFailure
from aiodtm._outcome import Status
from aiodtm.testing._transactions import Caller, Calling, Operation, Stored


@dataclass
class SagaPass:
    """Actions in order until one refuses; then the undos in reverse order, that of the refusing branch included."""

    stored: Stored
    operations: list[Operation]
    caller: Caller
    running: dict[Calling, Operation] = field(default_factory=dict[Calling, Operation])
    started: set[Operation] = field(default_factory=set[Operation])  # called by this pass
    reason: str = ""

    def __post_init__(self) -> None:
        self._status: Status = self.stored.status
        self._undos = self.operations[0::2]
        self._actions = self.operations[1::2]
        custom = self.stored.custom
        self._concurrent = bool(custom.get("concurrent"))
        self._after = {int(step): earlier for step, earlier in custom.get("orders", {}).items()}

    async def run(self) -> None:
        if self._status == "submitted":
            await self._work_on(self._actions, self._may_act, until=self._refused)
            if self._refused():
                self._change("aborting", self.reason or "fail message lost")
            elif all(a.status == "succeed" for a in self._actions):
                self._change("succeed")
        if self._status == "aborting":
            self._take_for_done()
            await self._work_on(self._undos[::-1], self._may_undo, until=lambda: False)
            if all(self._taken_back(i) for i in range(len(self._undos))):
                self._change("failed")

    def _change(self, new: Status, reason: str = "") -> None:
        self._status = self.stored.change(self._status, new, reason)

    async def _work_on(
        self, operations: list[Operation], may_run: Callable[[int], bool], *, until: Callable[[], bool]
    ) -> None:
        """Calls whatever may be called, all at once, until nothing is running any more or `until` holds.

        DTM does not wait for calls that still run when another has refused: their undos may overtake them.
        """
        while not until():
            for operation in operations:
                new = operation.status == "prepared" and operation not in self.started
                if new and may_run(operation.step - 1):
                    self._start(operation)
            mine = [task for task, operation in self.running.items() if operation.op == operations[0].op]
            if not mine:
                return
            await asyncio.wait(mine, return_when=asyncio.FIRST_COMPLETED)
            self._collect()

    def _start(self, operation: Operation) -> None:
        self.started.add(operation)
        self.running[self.caller.start(self.stored.request, operation)] = operation

    def _collect(self) -> None:
        for task in [t for t in self.running if t.done()]:
            operation = self.running.pop(task)
            answer, text = task.result()
            # An undo that refuses is an unknown error to DTM: it is called again.
            if answer == "succeed" or (answer == "failed" and operation.op == "action"):
                operation.status = answer
            else:
                self.stored.problem = f"{operation.url}: {text}"
            if operation.status == "failed":
                self.reason = f"url:{operation.url} return failed: {text} FAILURE"

    def _refused(self) -> bool:
        return any(a.status == "failed" for a in self._actions)

    def _may_act(self, i: int) -> bool:
        before = self._after.get(i, []) if self._concurrent else [i - 1][:i]
        return all(self._actions[b].status == "succeed" for b in before)

    def _may_undo(self, i: int) -> bool:
        if self._taken_back(i):
            return False
        later = [j for j, before in self._after.items() if i in before]
        if not self._concurrent:
            later = list(range(i + 1, len(self._undos)))[:1]
        return all(self._taken_back(j) for j in later)

    def _taken_back(self, i: int) -> bool:
        return self._undos[i].status == "succeed" or not self._may_have_run(i)

    def _may_have_run(self, i: int) -> bool:
        return self._actions[i].status != "prepared" or self._actions[i] in self.started

    def _take_for_done(self) -> None:
        """An action that was or could have been called is undone too: DTM does not know how far it came."""
        self.started |= {a for i, a in enumerate(self._actions) if a.status == "prepared" and self._may_act(i)}


@dataclass
class MessagePass:
    """The check-back when no submit came, then the deliveries in order. A refusal is an error like any other."""

    stored: Stored
    operations: list[Operation]
    caller: Caller

    async def run(self) -> None:
        if self.stored.status == "prepared":
            await self._check_back()
        if self.stored.status != "submitted" or self._must_wait():
            return
        for operation in (o for o in self.operations if o.status == "prepared"):
            answer, text = await self.caller.call(self.stored.request, operation)
            if answer != "succeed":
                self.stored.problem = f"{operation.url}: {text}"
                if answer == "unknown":
                    raise DtmFailure(f"UNKNOWN: {text}")
                return
            operation.status = "succeed"
        self.stored.change("submitted", "succeed")

    def _must_wait(self) -> bool:
        first, self.stored.delayed = not self.stored.delayed, True
        return first and bool(self.stored.custom.get("delay"))

    async def _check_back(self) -> None:
        question = Operation(0, "00", "msg", self.stored.request.QueryPrepared, b"")
        answer, self.stored.problem = await self.caller.call(self.stored.request, question)
        if answer in ("succeed", "failed"):
            self.stored.change("prepared", "submitted" if answer == "succeed" else "failed")
