"""Barrier rows and a business's data in memory, for unit tests of branches."""

import asyncio
import copy
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiodtm._barrier import FIRST_PART, Barrier
from aiodtm._guard import BarrierStore


@dataclass(eq=False)
class MemoryTransaction:
    """What the work gets in place of a connection: `data` is its own copy until the commit."""

    data: dict[Any, Any]
    rows: dict[tuple[str, ...], str]


@dataclass
class MemoryStore(BarrierStore[MemoryTransaction]):
    """Stands in for MySQLBarriers: `await store.once(barrier, work)`. Transactions run one after the other.

    The decisions are the very ones that are made for MySQL; only the rows lie in a dict: (gid, branch id, op) to
    reason, and (gid, branch id, op, barrier id) for parts after the first.
    """

    data: dict[Any, Any] = field(default_factory=dict[Any, Any])
    rows: dict[tuple[str, ...], str] = field(default_factory=dict[tuple[str, ...], str])
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[MemoryTransaction]:
        async with self._lock:
            tx = MemoryTransaction(copy.deepcopy(self.data), dict(self.rows))
            yield tx
            await asyncio.sleep(0)  # as at a real COMMIT, others get their turn
            self.data, self.rows = tx.data, tx.rows

    async def insert(self, tx: MemoryTransaction, barrier: Barrier, op: str, reason: str) -> bool:
        row = _row(barrier, op)
        if row in tx.rows:
            return False
        tx.rows[row] = reason
        return True

    async def reason(self, tx: MemoryTransaction, barrier: Barrier, op: str, *, lock: bool = False) -> str | None:
        return tx.rows.get(_row(barrier, op))


def _row(barrier: Barrier, op: str) -> tuple[str, ...]:
    row = (barrier.gid, barrier.branch_id, op)
    return row if barrier.barrier_id == FIRST_PART else (*row, barrier.barrier_id)
