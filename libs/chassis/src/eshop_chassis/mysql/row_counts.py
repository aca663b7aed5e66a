"""How many rows of a table are shown, without counting them: a counter kept in the transactions that change it.

Each table has a few counters, its slots, whose sum is the total. A transaction that shows or hides rows says so with
`note_shown`; the last thing it does before it commits is to `write` the sum of that to one slot, chosen at random. So a
counter is locked for the time of the commit only, by who waits for no other lock any more, and transactions that commit
together seldom meet.

Slot 0 is written once, by `fill`, from the rows that are there. Until then the table has no total.
"""

import random
from collections import Counter
from weakref import WeakKeyDictionary

from sqlalchemy.ext.asyncio import AsyncConnection

from eshop_chassis.mysql.transaction import Tx

SLOTS = 16
SCHEMA = """\
CREATE TABLE IF NOT EXISTS shown_rows (
    table_name varchar(64) NOT NULL,
    slot tinyint unsigned NOT NULL,
    shown bigint NOT NULL,
    PRIMARY KEY (table_name, slot)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin
"""
TOTAL = "SELECT IF(MIN(slot) = 0, CAST(SUM(shown) AS SIGNED), NULL) FROM shown_rows WHERE table_name = %s"
"""The total of a table, NULL where it has none."""
MOVES = "SELECT CAST(COALESCE(SUM(shown), 0) AS SIGNED) FROM shown_rows WHERE table_name = %s"
"""How often rows that were there were hidden or shown again; its slots bear the name that `moves` gives them."""
_ADD = "INSERT INTO shown_rows (table_name, slot, shown) VALUES (%s, %s, %s) ON DUPLICATE KEY UPDATE shown = shown + %s"

# What is rolled back is forgotten with it.
_noted: WeakKeyDictionary[Tx, Counter[str]] = WeakKeyDictionary()


def note_shown(tx: Tx, table: str, change: int) -> None:
    """Notes that this transaction shows `change` rows of `table` more than before; fewer, where it is negative."""
    _noted.setdefault(tx, Counter())[table] += change


def note_moved(tx: Tx, table: str, change: int) -> None:
    """The same for rows that were there: hidden ones that are shown again, or shown ones that are hidden."""
    if change:
        note_shown(tx, table, change)
        note_shown(tx, moves(table), abs(change))


def moves(table: str) -> str:
    """The name under which the moves of a table are counted, in the same way as its rows."""
    return f"{table}/moves"


async def write(tx: Tx) -> None:
    """Writes what this transaction noted. Nothing but the commit may follow."""
    for table, change in sorted(_noted.pop(tx, Counter[str]()).items()):
        if change:
            slot = random.randrange(1, SLOTS + 1)  # noqa: S311 - not a secret
            await tx.exec_driver_sql(_ADD, (table, slot, change, change))


async def fill(connection: AsyncConnection, table: str) -> None:
    """Gives a table that has no total one. Transactions may go on meanwhile: rows and slots are read in one snapshot,
    and what they differ by stays the same whatever is committed.
    """
    known = await connection.exec_driver_sql(TOTAL, (table,))
    if known.scalar() is None:
        differ = await connection.exec_driver_sql(
            f"SELECT (SELECT COUNT(*) FROM `{table}` WHERE deleted_at IS NULL)"  # noqa: S608 - a name of our own schema
            " - (SELECT COALESCE(SUM(shown), 0) FROM shown_rows WHERE table_name = %s)",
            (table,),
        )
        await connection.exec_driver_sql(
            "INSERT INTO shown_rows (table_name, slot, shown) VALUES (%s, 0, %s)", (table, int(differ.scalar_one()))
        )
    await connection.commit()
