"""Housekeeping: deletes rows that nobody needs any more, a few at a time, beside the service's work.

A table is walked by its key, the oldest row first, until a row is young enough to stay: no table needs an index on its
times, and no statement locks more than one batch. Rows of transactions that have not ended stay, however old they are.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import cast

from pydantic import Field
from sqlalchemy.exc import DBAPIError

from eshop_chassis.logs import get_logger
from eshop_chassis.mysql.database import Database, Tx, execute, fetch, marks
from eshop_chassis.mysql.errors import error_number
from eshop_chassis.settings import EshopSettings
from protoc_gen_fastapi.runtime import Unavailable

log = get_logger(__name__)
UNKNOWN_TABLE = {1146, 1049}
NO_GID = "''"
BEFORE_ALL = -(1 << 63)


class HousekeepingSettings(EshopSettings):
    """How long rows are kept that only a repeated call would need, and how gently they are deleted."""

    housekeeping_seconds: float = Field(default=600.0, ge=0, description="how often old rows are looked for; 0: never")
    housekeeping_rows: int = Field(default=500, gt=0, le=10_000, description="most rows that one statement deletes")
    housekeeping_pause: float = Field(default=0.05, ge=0, description="seconds between two such statements")
    keep_refusals_days: int = Field(default=30, ge=7, description="how long the reasons of refused branches are kept")
    dtm_database: str = Field(
        default="dtm", pattern="[A-Za-z0-9_]+", description="database of the DTM that stores in MySQL"
    )


@dataclass(frozen=True)
class Expiring:
    """Rows of one table that go when they are `days` old. All else is SQL, made of constants.

    `key` is a number that grows with time. `gid` is the column that names the rows' transaction: a row stays while that
    has not ended, or while one of `in_use` (queries for gids, with {} for the values asked about) names it. `ended`
    says which rows may go at all. `along` are tables with rows of the same gid, which go in the same transaction.
    """

    table: str
    days: int
    time: str = "created_at"
    key: str = "id"
    gid: str = NO_GID
    ended: str = "TRUE"
    in_use: Sequence[str] = ()
    along: Sequence[str] = ()


class Housekeeping:
    """Deletes what has expired. Of several processes one does it: whoever holds the lease of `owner`."""

    def __init__(self, db: Database, settings: HousekeepingSettings, owner: str, things: Iterable[Expiring]) -> None:
        self._db = db
        self._settings = settings
        self._lease = f"housekeeping_{owner}"
        self._things = list(things)

    async def run(self) -> None:
        """Cleans until cancelled."""
        while self._settings.housekeeping_seconds:
            await asyncio.sleep(self._settings.housekeeping_seconds)
            try:
                await self.clean()
            except (Unavailable, DBAPIError) as error:
                log.info("housekeeping goes on later", why=str(error))

    async def clean(self) -> dict[str, int]:
        """Cleans once; returns how many rows were deleted, by table. Does nothing while another process cleans."""
        async with self._db.lease(self._lease) as mine:
            if not mine:
                return {}
            return {thing.table: await self._walk(thing) for thing in self._things}

    async def _walk(self, thing: Expiring) -> int:
        """Goes through a table from its oldest row to the first that is young."""
        gone, place = 0, cast("int | None", BEFORE_ALL)
        try:
            while place is not None:
                bitten, place = await self._db.run(lambda tx, place=place: self._bite(tx, thing, place))
                gone += bitten
                await asyncio.sleep(self._settings.housekeeping_pause)
        except DBAPIError as error:
            if error_number(error) not in UNKNOWN_TABLE:
                raise
            log.info("a table that housekeeping knows is not there", table=thing.table)
        if gone:
            log.info("old rows are gone", table=thing.table, rows=gone)
        return gone

    async def _bite(self, tx: Tx, thing: Expiring, place: int) -> tuple[int, int | None]:
        """Looks at the next rows; returns how many went, and the key to go on from, None where the walk ends."""
        most = self._settings.housekeeping_rows
        rows = await fetch(
            tx,
            f"SELECT {thing.key}, {thing.gid}, {thing.time} < NOW() - INTERVAL %s DAY, {thing.ended}"  # noqa: S608
            f" FROM {thing.table} WHERE {thing.key} > %s ORDER BY {thing.key} LIMIT %s",
            (thing.days, place, most),
        )
        expired = {key: gid for key, gid, old, ended in rows if old and ended}
        busy = await self._busy(tx, thing, set(expired.values())) if thing.gid != NO_GID else set[str]()
        gone = await self._delete(tx, thing, {key: gid for key, gid in expired.items() if gid not in busy})
        at_end = len(rows) < most or not rows[-1][2]
        return gone, None if at_end else rows[-1][0]

    async def _busy(self, tx: Tx, thing: Expiring, gids: set[str]) -> set[str]:
        """Those of these transactions that have not ended, or that somebody still needs."""
        unfinished = (
            f"SELECT gid FROM {self._settings.dtm_database}.trans_global"  # noqa: S608 - checked when it was read
            " WHERE status NOT IN ('succeed', 'failed') AND gid IN ({})"
        )
        found: set[str] = set()
        for sql in (unfinished, *thing.in_use):
            found |= {row[0] for row in await fetch(tx, sql.format(marks(gids)), tuple(gids))}
        return found

    async def _delete(self, tx: Tx, thing: Expiring, rows: dict[int, str]) -> int:
        if not rows:
            return 0
        gids = set(rows.values())
        for table in thing.along:
            await execute(tx, f"DELETE FROM {table} WHERE gid IN ({marks(gids)})", tuple(gids))  # noqa: S608
        return await execute(tx, f"DELETE FROM {thing.table} WHERE {thing.key} IN ({marks(rows)})", tuple(rows))  # noqa: S608


def expiring_refusals(settings: HousekeepingSettings) -> Expiring:
    """The reasons of refused branches, which every service with branches keeps in its own database."""
    return Expiring("refusal", settings.keep_refusals_days, gid="gid")
