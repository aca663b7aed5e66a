"""The identity of a branch call, and the barrier that makes it count once."""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from aiodtm.errors import NotABranch

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from aiodtm.guard import BarrierStore

T = TypeVar("T")

BARRIER_TABLE = "dtm_barrier.barrier"

# An undo and what it takes back: sagas, TCC, and workflows.
UNDOES = {"compensate": "action", "cancel": "try", "rollback": "action"}
_UNDO = {("saga", "action"): "compensate", ("tcc", "try"): "cancel", ("workflow", "action"): "rollback"}
_OPS = {"action", "try", "confirm", "commit", "msg", *UNDOES}

_SHAPES = {
    "dtm-gid": re.compile(r"[0-9A-Za-z_-]{1,128}"),
    "dtm-trans_type": re.compile(r"saga|msg|tcc|xa|workflow"),
    "dtm-branch_id": re.compile(r"[0-9-]{1,20}"),
    "dtm-op": re.compile("|".join(sorted(_OPS))),
}


@dataclass(frozen=True)
class Barrier:
    """Which operation of which branch of which transaction a call is. Equal for every repetition of the call."""

    gid: str
    trans_type: str
    branch_id: str
    op: str
    table: str = BARRIER_TABLE

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str], table: str = BARRIER_TABLE) -> "Barrier":
        """Out of a call's dtm-gid, dtm-trans_type, dtm-branch_id and dtm-op. Raises NotABranch naming the key."""
        for key, shape in _SHAPES.items():
            value = metadata.get(key, "")
            if not value:
                raise NotABranch(f"{key} is missing")
            if not shape.fullmatch(value):
                raise NotABranch(f"{key} is {value[:80]!r}")
        gid, trans_type, branch_id, op = (metadata[key] for key in _SHAPES)
        return cls(gid, trans_type, branch_id, op, table)

    @classmethod
    def of_message(cls, gid: str, table: str = BARRIER_TABLE) -> "Barrier":
        """The barrier of a two-phase message's local transaction, which its check-back looks for."""
        return cls(gid, "msg", "00", "msg", table)

    @property
    def undoes(self) -> str | None:
        """The op that this one takes back, or None when it is not an undo."""
        return UNDOES.get(self.op)

    @property
    def undone_by(self) -> str | None:
        """The op that takes this one back, or None when there is none."""
        return _UNDO.get((self.trans_type, self.op))

    async def once(
        self,
        engine: "AsyncEngine | BarrierStore[Any]",
        work: Callable[[Any], Awaitable[T]],
        *,
        refuse_on: tuple[type[Exception], ...] = (),
        record: Callable[[Any, Exception], Awaitable[object]] | None = None,
    ) -> T | None:
        """Runs `work(connection)` in one transaction with the barrier's row and commits; `work` must not.

        It counts once, whatever DTM repeats or mixes up. Returns what `work` returned, or None when there was nothing
        to do: a repeated call that had succeeded, or an undo of an action that never ran or had refused. `engine` is a
        MySQL engine, or in unit tests an `aiodtm.testing.MemoryStore`.

        When `work` raises one of `refuse_on` (or BranchRefused) everything it wrote is rolled back; the
        refusal is then stored in a second transaction, together with what `record(connection, error)` writes,
        and the error is raised again. Its attribute `short`, if it has one, is what later calls get as
        BranchRefused(short). An action that comes after its own undo raises BranchRefused("undone"). An undo
        must not refuse: UndoRefused.

        A deadlock, a lock wait timeout or a lost connection redoes the whole transaction, so `work` may run
        several times; it counts once. When the connection is lost in COMMIT and again, CommitUnknown is raised.
        Other errors of `work` and of the driver roll back and are raised as they are. The transaction goes on
        when the caller is cancelled.
        """
        return await _store(engine).once(self, work, refuse_on, record)

    async def query_prepared(self, engine: "AsyncEngine | BarrierStore[Any]") -> None:
        """Answers a check-back: returns when the message's transaction was committed, else raises
        BranchRefused.

        Writes the row itself when it is absent, so that a transaction that is still on its way can't be
        committed later; waits for one that holds the row uncommitted.
        """
        await _store(engine).query_prepared(self)


def _store(engine: "AsyncEngine | BarrierStore[Any]") -> "BarrierStore[Any]":
    from aiodtm.guard import BarrierStore  # not at the top: a store knows barriers

    if isinstance(engine, BarrierStore):
        return engine
    from aiodtm.mysql import MySQLBarriers  # not at the top: aiodtm without its mysql extra has no SQLAlchemy

    return MySQLBarriers(engine)
