"""A database in memory: transactions with rollback, barrier rows, stored refusals and leases.

What a fake store writes lies in `data_of(tx)`. The few statements that the chassis and the flash sales send
themselves are understood as well.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from aiodtm.mysql import BARRIER_TABLE
from aiodtm.testing import MemoryStore, MemoryTransaction
from eshop_chassis.mysql import Tx

T = TypeVar("T")


class Rows(list[tuple[Any, ...]]):
    """A result."""

    @property
    def rowcount(self) -> int:
        return len(self)


class MemoryTx(MemoryTransaction):
    """A transaction that also understands the SQL about refusals and barrier rows."""

    async def exec_driver_sql(self, sql: str, params: Any = (), /) -> Rows:
        refusals: dict[tuple[str, str, str], tuple[str, str]] = self.data.setdefault("refusal", {})
        if sql.startswith("INSERT IGNORE INTO refusal"):
            new = [row for row in params if row[:3] not in refusals]
            refusals.update({row[:3]: row[3:] for row in new})
            return Rows(new)
        if "FROM refusal" in sql:
            found = [(key, why) for key, why in refusals.items() if key[: len(params)] == tuple(params)]
            return Rows((key[2], *why) for key, why in found)
        if f"FROM {BARRIER_TABLE}" in sql:
            return Rows([(1,)] if tuple(params) in self.rows else [])
        raise NotImplementedError(sql)


def data_of(tx: Tx) -> dict[str, Any]:
    """What a fake store has written in a transaction, and finds there."""
    assert isinstance(tx, MemoryTx)
    return tx.data


class Leases:
    """The leases of a database, each with the task that holds it."""

    def __init__(self) -> None:
        self.held: dict[str, Any] = {}

    def lose(self, owner: Any) -> None:
        """The leases of `owner`, a task that died, have run out."""
        self.held = {name: holder for name, holder in self.held.items() if holder is not owner}


class Engine(MemoryStore):
    """Stands in for the SQLAlchemy engine."""

    def __init__(self) -> None:
        super().__init__()
        self.leases = Leases()
        self.after_commit: Callable[[], object] | None = None

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[MemoryTx]:
        async with super().transaction() as tx:
            yield MemoryTx(tx.data, tx.rows)
        if self.after_commit:
            self.after_commit()


class MemoryDatabase:
    """Stands in for `eshop_chassis.mysql.Database`."""

    def __init__(self) -> None:
        self.engine = Engine()

    @property
    def data(self) -> dict[str, Any]:
        """What is committed."""
        return self.engine.data

    def refuse_while_away(self) -> None:
        """It is never away."""

    @property
    def barriers(self) -> Engine:
        """Where barrier rows are written."""
        return self.engine

    @asynccontextmanager
    async def lease(self, name: str, seconds: int = 0) -> AsyncGenerator[bool]:
        """Holds a lease until the block ends, or its task is lost."""
        held, me = self.engine.leases.held, asyncio.current_task()
        got = held.setdefault(name, me) is me
        try:
            yield got
        finally:
            if got and self.engine.leases.held.get(name) is me:
                del self.engine.leases.held[name]

    async def run(self, work: Callable[[Any], Awaitable[T]]) -> T:
        """Runs `work` in one transaction, shielded as the real one is."""
        return await asyncio.shield(asyncio.ensure_future(self._run(work)))

    async def run_core(self, work: Callable[[Any], Awaitable[T]]) -> T:
        return await self.run(work)

    async def _run(self, work: Callable[[Any], Awaitable[T]]) -> T:
        async with self.engine.transaction() as tx:
            return await work(tx)
