"""A branch of a DTM transaction, as a service sees it: one guarded write, and the refusals that it stores.

A refusal is decided inside the barrier's transaction and stored under gid and branch with the orders at fault, so that
the placer can read it later and a repeated branch repeats its answer.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import aiodtm
from aiodtm.mysql import BARRIER_TABLE
from eshop_chassis.crash_points import crash_point
from eshop_chassis.mysql import row_counts
from eshop_chassis.mysql.database import Transactions, Tx, execute, fetch
from eshop_protos.types import types_pb2
from protoc_gen_fastapi.runtime import Call, InvalidArgument, Refused

T = TypeVar("T")
MAX_REASON = 500
MAX_GID = 64  # characters: what the tables of the services take


@dataclass(frozen=True)
class Fault:
    """Why one order was refused. `order_id` is "" where the branch does not know the order."""

    order_id: str
    code: str
    reason: str


class BranchRefusal(Refused):
    """Refused by a branch: carries every order at fault. Message and short code are those of the first.

    The envelope code follows from the short code when the error is told, for the first call and a repeated one alike.
    """

    def __init__(self, faults: Sequence[Fault]) -> None:
        first = faults[0]
        super().__init__(first.reason, short=first.code)
        self.faults = list(faults)


class Branch:
    """One call of a branch by DTM. Shape of the metadata: dtm-gid, dtm-branch_id, dtm-op, dtm-trans_type.

    `undo` says which the rpc is: an undo called as an action would give back what nobody took.
    """

    def __init__(self, call: Call, *, undo: bool = False) -> None:
        try:
            self.barrier = aiodtm.Barrier.from_metadata(call.metadata)
        except aiodtm.NotABranch as error:
            raise InvalidArgument("gid", f"this is a branch of a DTM transaction: {error}") from None
        if (self.barrier.undoes is not None) != undo:
            raise Refused(f"op: {self.barrier.op} does not fit this rpc", short="WRONG_OP")

    @property
    def gid(self) -> str:
        return self.barrier.gid

    @property
    def branch_id(self) -> str:
        """Which branch of the transaction; action and undo share it."""
        return self.barrier.branch_id

    @property
    def reference(self) -> str:
        """Names this branch of this transaction; action and undo share it."""
        return f"{self.barrier.gid}/{self.barrier.branch_id}"

    async def once(self, db: Transactions, work: Callable[[Tx], Awaitable[T]]) -> T | None:
        """Runs `work` once under the barrier, in one transaction. Raises BranchRefusal if it refuses, or did before."""
        if len(self.gid) > MAX_GID:
            raise InvalidArgument("gid", f"at most {MAX_GID} characters")
        db.refuse_while_away()

        async def to_be_committed(tx: Tx) -> T:
            done = await work(tx)
            await row_counts.write(tx)
            crash_point("before_commit", self.barrier.op)
            return done

        try:
            done = await db.barriers.once(
                self.barrier, to_be_committed, refuse_on=(BranchRefusal,), record=self._record
            )
        except aiodtm.BranchRefused as repeated:
            raise await self._as_before(db, repeated) from repeated
        crash_point("after_commit", self.barrier.op)
        return done

    async def decided(self, db: Transactions) -> bool:
        """True when this branch has run, was refused or was undone: a repeated call must not act outside MySQL."""

        async def look(tx: Tx) -> bool:
            found = await fetch(
                tx,
                f"SELECT 1 FROM {BARRIER_TABLE} WHERE gid = %s AND branch_id = %s AND op = %s LIMIT 1",  # noqa: S608 - a constant
                (self.barrier.gid, self.barrier.branch_id, self.barrier.op),
            )
            return bool(found)

        return await db.run(look)

    async def _as_before(self, db: Transactions, repeated: aiodtm.BranchRefused) -> Refused:
        """The answer that the first call gave. Without stored faults the action was undone before it came."""

        async def look(tx: Tx) -> list[tuple[str, str, str]]:
            rows = await fetch(
                tx,
                "SELECT order_id, code, reason FROM refusal WHERE gid = %s AND branch_id = %s ORDER BY id",
                (self.barrier.gid, self.barrier.branch_id),
            )
            return [(row[0], row[1], row[2]) for row in rows]

        faults = [Fault(*row) for row in await db.run(look)]
        if faults and faults[0].code == repeated.short:
            return BranchRefusal(faults)
        return Refused(repeated.short, short=repeated.short)

    async def _record(self, tx: Tx, refusal: Exception) -> None:
        assert isinstance(refusal, BranchRefusal)  # noqa: S101 - `once` asks for no other
        rows = [
            (self.barrier.gid, self.barrier.branch_id, f.order_id, f.code, f.reason[:MAX_REASON])
            for f in refusal.faults
        ]
        await execute(
            tx, "INSERT IGNORE INTO refusal (gid, branch_id, order_id, code, reason) VALUES (%s, %s, %s, %s, %s)", rows
        )


def refusals_reply(faults: Iterable[Fault]) -> types_pb2.GetRefusalsReply:
    """Faults as they travel between services."""
    found = [types_pb2.Refusal(orderID=f.order_id, code=f.code, reason=f.reason) for f in faults]
    return types_pb2.GetRefusalsReply(refusals=found)


async def stored_refusals(db: Transactions, gid: str) -> types_pb2.GetRefusalsReply:
    """The refusals that this service stored for a saga, in the order they were stored."""

    async def read(tx: Tx) -> types_pb2.GetRefusalsReply:
        rows = await fetch(tx, "SELECT order_id, code, reason FROM refusal WHERE gid = %s ORDER BY id", (gid,))
        return refusals_reply(Fault(row[0], row[1], row[2]) for row in rows)

    return await db.run(read)
