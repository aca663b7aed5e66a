"""Transactions that outlive their callers. DTM cancels a branch call after 3 s; the transaction ends as a
whole anyway.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

_running: set[asyncio.Task[Any]] = set()


async def shielded(transaction: Coroutine[Any, Any, T]) -> T:
    """Runs `transaction` to its end even when the caller is cancelled."""
    task = asyncio.get_running_loop().create_task(transaction)
    _running.add(task)
    task.add_done_callback(_running.discard)
    return await asyncio.shield(task)


async def drained() -> None:
    """Returns when the transactions whose callers went away have ended. Call it before the engine is disposed
    of.
    """
    while tasks := [t for t in _running if t.get_loop() is asyncio.get_running_loop()]:
        await asyncio.wait(tasks)
