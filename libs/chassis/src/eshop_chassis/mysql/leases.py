"""Leases: only one of several processes runs a job, whichever node of a MySQL cluster it talks to.

A lease is a row with an owner and a time at which it ends. GET_LOCK would hold on one node only. A live owner
renews its lease; the lease of a dead one expires.
"""

from typing import Final

from eshop_chassis.mysql.transaction import Tx

SCHEMA: Final = """\
CREATE TABLE IF NOT EXISTS lease (
    name varchar(64) NOT NULL,
    owner char(32) NOT NULL DEFAULT '',
    expires_at datetime(6) NOT NULL,
    PRIMARY KEY (name)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin
"""
_ADD = "INSERT IGNORE INTO lease (name, expires_at) VALUES (%s, '2000-01-01')"
_TAKE = (
    "UPDATE lease SET owner = %s, expires_at = NOW(6) + INTERVAL %s SECOND"
    " WHERE name = %s AND (owner = %s OR expires_at <= NOW(6))"
)
_GIVE_UP = "UPDATE lease SET expires_at = '2000-01-01' WHERE name = %s AND owner = %s"


async def take(tx: Tx, name: str, owner: str, seconds: int) -> bool:
    """Takes a lease that is free or has expired, or renews one's own; False if another owner has it."""
    found = await tx.exec_driver_sql(_TAKE, (owner, seconds, name, owner))
    if not found.rowcount and (await tx.exec_driver_sql(_ADD, (name,))).rowcount:
        found = await tx.exec_driver_sql(_TAKE, (owner, seconds, name, owner))
    return found.rowcount == 1


async def give_up(tx: Tx, name: str, owner: str) -> None:
    """Lets others take the lease at once."""
    await tx.exec_driver_sql(_GIVE_UP, (name, owner))
