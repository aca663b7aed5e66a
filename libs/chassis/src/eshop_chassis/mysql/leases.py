"""Leases: only one of several processes runs a job, whichever node of a MySQL cluster it talks to.

A lease is a row with an owner and a time at which it ends. GET_LOCK would hold on one node only. A live owner
renews its lease; the lease of a dead one expires.
"""

import asyncio
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final

from sqlalchemy.exc import DBAPIError

from aiodtm import CommitUnknown
from eshop_chassis.mysql.transaction import Tx
from protoc_gen_fastapi.runtime import RpcError

Run = Callable[[Callable[[Tx], Awaitable[bool]]], Awaitable[bool]]
"""Runs work in a transaction of its own, as `Database.run` does."""

SCHEMA: Final = """\
CREATE TABLE IF NOT EXISTS lease (
    name varchar(64) NOT NULL,
    owner char(32) NOT NULL DEFAULT '',
    expires_at datetime(6) NOT NULL,
    PRIMARY KEY (name)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin
"""
_ADD = "INSERT IGNORE INTO lease (name, expires_at) VALUES (%s, '2000-01-01')"
_TAKE = "UPDATE lease SET owner = %s, expires_at = NOW(6) + INTERVAL %s SECOND WHERE name = %s AND expires_at <= NOW(6)"
# Only the owner's: a renewal that comes late must not take again what was given up.
_RENEW = "UPDATE lease SET expires_at = NOW(6) + INTERVAL %s SECOND WHERE name = %s AND owner = %s"
_GIVE_UP = "UPDATE lease SET owner = '', expires_at = '2000-01-01' WHERE name = %s AND owner = %s"
_PASSING = (RpcError, DBAPIError, CommitUnknown)


@asynccontextmanager
async def held(run: Run, name: str, seconds: int) -> AsyncGenerator[bool]:
    """Holds the lease of this name while the body runs, and renews it; False if another owner has it.

    If this process dies, the lease expires after `seconds`. Raises what `run` raises while the lease is taken.
    """
    owner = uuid.uuid4().hex
    if not await run(lambda tx: take(tx, name, owner, seconds)):
        yield False
        return
    renewing = asyncio.create_task(_renewed(run, name, owner, seconds))
    try:
        yield True
    finally:
        renewing.cancel()
        with suppress(*_PASSING):  # then it expires
            await run(lambda tx: give_up(tx, name, owner))


async def take(tx: Tx, name: str, owner: str, seconds: int) -> bool:
    """Takes a lease that is free or has expired; False if another owner has it."""
    taken = (owner, seconds, name)
    found = await tx.exec_driver_sql(_TAKE, taken)
    if not found.rowcount and (await tx.exec_driver_sql(_ADD, (name,))).rowcount:
        found = await tx.exec_driver_sql(_TAKE, taken)
    return found.rowcount == 1


async def renew(tx: Tx, name: str, owner: str, seconds: int) -> bool:
    """Lets an owner keep its lease for `seconds` from now; False if it is no longer the owner."""
    return (await tx.exec_driver_sql(_RENEW, (seconds, name, owner))).rowcount == 1


async def give_up(tx: Tx, name: str, owner: str) -> bool:
    """Lets others take the lease at once; False if it was not the owner's."""
    return (await tx.exec_driver_sql(_GIVE_UP, (name, owner))).rowcount == 1


async def _renewed(run: Run, name: str, owner: str, seconds: int) -> None:
    while True:
        await asyncio.sleep(seconds / 3)
        with suppress(*_PASSING):
            await run(lambda tx: renew(tx, name, owner, seconds))
