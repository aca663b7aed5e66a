"""What a barrier decides, whatever database holds its rows.

DTM repeats calls, mixes up their order, and cancels those that take longer than 3 s. One row for each
operation of each branch, written first in the business's transaction and protected by a unique key, stops the
three anomalies:

    duplicate            the same operation arrives twice: the second finds the row and repeats its answer
    empty compensation   an undo arrives whose action never ran: it writes the action's row itself and does nothing
    hanging              an action arrives after its undo: it finds that row and refuses

Reasons in the row of an action: "action" (done), "refused" or "refused:CODE", "compensate" (undone before it
came). A refusal writes the row of its undo as well: DTM's clients in other languages look at no reason, and would take
back whatever has an action's row and no undo's.
"""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Generic, TypeVar

from aiodtm._barrier import Barrier
from aiodtm._errors import BarrierInterrupted, BarrierPassed, BranchRefused, UndoRefused
from aiodtm._shield import shielded

T = TypeVar("T")
Tx = TypeVar("Tx")

REASON_LENGTH = 45  # characters: barrier.reason
# DTM's word in the row of a message whose transaction must not be committed any more.
ROLLED_BACK = "rollback"


class BarrierStore(ABC, Generic[Tx]):
    """A database that holds barrier rows beside the business's. `Tx` is what it hands to the work as its
    transaction.
    """

    @abstractmethod
    def transaction(self) -> AbstractAsyncContextManager[Tx]:
        """A transaction: committed at the end of the block, rolled back on any error."""

    @abstractmethod
    async def insert(self, tx: Tx, barrier: Barrier, op: str, reason: str) -> bool:
        """Writes the row of `op`; False when it is there. Waits for a transaction that holds it uncommitted."""

    @abstractmethod
    async def reason(self, tx: Tx, barrier: Barrier, op: str, *, lock: bool = False) -> str | None:
        """The reason in the row of `op`, None without one. `lock` waits for one who holds it uncommitted."""

    async def run(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """Runs one whole transaction; a database that asks for it again overrides this."""
        return await attempt()

    async def once(
        self,
        barrier: Barrier,
        work: Callable[[Tx], Awaitable[T]],
        *,
        refuse_on: tuple[type[Exception], ...] = (),
        record: Callable[[Tx, Exception], Awaitable[object]] | None = None,
    ) -> T | None:
        """Runs `work(transaction)` in one transaction with the barrier's row and commits; `work` must not.

        It counts once, whatever DTM repeats or mixes up. Returns what `work` returned, or None when there was nothing
        to do: a repeated call that had succeeded, or an undo of an action that never ran or had refused. A call that
        has a second piece of work gives it a part of its own, `barrier.part("02")`; without one it is BarrierPassed.

        When `work` raises one of `refuse_on` (or BranchRefused) everything it wrote is rolled back; the
        refusal is then stored in a second transaction, together with what `record(transaction, error)` writes,
        and the error is raised again. Its attribute `short`, if it has one, is what later calls get as
        BranchRefused(short). An action that comes after its own undo raises BranchRefused("undone"). An undo
        must not refuse: UndoRefused.

        A deadlock, a lock wait timeout or a lost connection redoes the whole transaction, so `work` may run
        several times; it counts once. When the connection is lost in COMMIT and again, CommitUnknown is raised.
        Other errors of `work` and of the driver roll back and are raised as they are. The transaction goes on
        when the caller is cancelled.
        """
        guarded = _Guarded(barrier, self, work, (BranchRefused, *refuse_on), record)
        return await shielded(_passing(barrier, guarded.undo if barrier.undoes else guarded.do))

    async def query_prepared(self, barrier: Barrier) -> None:
        """Answers a message's check-back: returns when its transaction was committed, else raises BranchRefused.

        Writes the row itself when it is absent, so that a transaction that is still on its way can't be
        committed later; waits for one that holds the row uncommitted. Any barrier with the message's gid will do.
        """
        row = Barrier.of_message(barrier.gid)

        async def look() -> str:
            async with self.transaction() as tx:
                # Stops the hanging sender: its transaction finds this row and cannot be committed any more.
                if await self.insert(tx, row, row.op, ROLLED_BACK):
                    return ROLLED_BACK
                return await _found(self, tx, row)

        reason = await shielded(self.run(look))
        if reason == ROLLED_BACK or reason.startswith("refused"):
            raise BranchRefused(ROLLED_BACK)


async def _passing(barrier: Barrier, attempt: Callable[[], Awaitable[T]]) -> T:
    """Lets one call through each part once. One that raised wrote nothing that counts, and may try again."""
    if barrier.barrier_id in barrier.passed:
        raise BarrierPassed(f"part {barrier.barrier_id} of branch {barrier.branch_id} of {barrier.gid}")
    barrier.passed.add(barrier.barrier_id)
    try:
        return await attempt()
    except BaseException:
        barrier.passed.discard(barrier.barrier_id)
        raise


@dataclass(frozen=True)
class _Repeated:
    """An earlier call has written this operation's row already, with this reason."""

    reason: str


@dataclass(frozen=True)
class _Guarded(Generic[Tx, T]):
    """One piece of work behind one barrier."""

    barrier: Barrier
    store: BarrierStore[Tx]
    work: Callable[[Tx], Awaitable[T]]
    refuse_on: tuple[type[Exception], ...]
    record: Callable[[Tx, Exception], Awaitable[object]] | None

    async def do(self) -> T | None:
        try:
            done = await self.store.run(self._first_time)
        except self.refuse_on as error:
            return await self._refuse(error)
        return self._answer(done.reason) if isinstance(done, _Repeated) else done

    async def _first_time(self) -> T | _Repeated:
        async with self.store.transaction() as tx:
            # Stops the duplicate, and the hanging action whose undo has written this row before it.
            if not await self.store.insert(tx, self.barrier, self.barrier.op, self.barrier.op):
                return _Repeated(await self._earlier(tx))
            return await self.work(tx)

    async def _earlier(self, tx: Tx) -> str:
        """The reason in the row that is there; that of its undo when there has been one.

        Stops a second pass of DTM over the saga, which would take the action that was undone for done.
        """
        undo = self.barrier.undone_by
        undone = await self.store.reason(tx, self.barrier, undo) if undo else None
        return undone or await _found(self.store, tx, self.barrier)

    async def _refuse(self, error: Exception) -> None:
        """Stores the refusal, so that every later call gets it. Another attempt may have answered."""
        reason = ROLLED_BACK if self.barrier.op == "msg" else _reason_of(error)

        async def keep() -> str | None:
            async with self.store.transaction() as tx:
                if not await self.store.insert(tx, self.barrier, self.barrier.op, reason):
                    return await _found(self.store, tx, self.barrier)
                if undo := self.barrier.undone_by:  # there is nothing to take back, in any client's reading
                    await self.store.insert(tx, self.barrier, undo, reason)
                if self.record:
                    await self.record(tx, error)
                return None

        found = await self.store.run(keep)
        if found is None:
            raise error
        self._answer(found)

    def _answer(self, reason: str) -> None:
        """Repeats the answer that an earlier call gave."""
        if reason == self.barrier.op:
            return
        if reason.startswith("refused"):
            raise BranchRefused(reason.partition(":")[2] or "refused")
        raise BranchRefused(ROLLED_BACK if reason == ROLLED_BACK else "undone")

    async def undo(self) -> T | None:
        try:
            return await self.store.run(self._undo_once)
        except self.refuse_on as error:
            raise UndoRefused(str(error)) from error

    async def _undo_once(self) -> T | None:
        async with self.store.transaction() as tx:
            # Stops the duplicate.
            if not await self.store.insert(tx, self.barrier, self.barrier.op, self.barrier.op):
                return None
            return await self.work(tx) if await self._action_ran(tx) else None

    async def _action_ran(self, tx: Tx) -> bool:
        """Whether there is something to undo. Waits for an action that is still running."""
        action = self.barrier.undoes or ""
        reason = await self.store.reason(tx, self.barrier, action, lock=True)
        if reason is None:
            # Stops the empty compensation, and with the row it leaves, the action that comes later (hanging).
            if await self.store.insert(tx, self.barrier, action, self.barrier.op):
                return False
            reason = await self.store.reason(tx, self.barrier, action)  # it came between our two statements
        return reason == action


async def _found(store: BarrierStore[Tx], tx: Tx, barrier: Barrier) -> str:
    reason = await store.reason(tx, barrier, barrier.op)
    if reason is None:
        raise BarrierInterrupted(f"{barrier.gid}/{barrier.branch_id}/{barrier.op}")
    return reason


def _reason_of(error: Exception) -> str:
    short = str(getattr(error, "short", "") or "")
    text = f"refused:{short}" if short else "refused"
    return text.encode("ascii", "replace").decode()[:REASON_LENGTH]
