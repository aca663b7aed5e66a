"""How many rows of a table are shown before some of its ids: a deep page is walked to from the nearest of them.

They are counted in one pass over the index and kept in memory. Rows only come at the end, unless one that was there is
hidden or shown again, which `row_counts` counts. So a page proves in its own statement that they still hold: nothing
has moved, and all rows that came since lie behind the last of them.
"""

import asyncio
import time
from bisect import bisect_left, bisect_right
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from eshop_chassis.logs import get_logger
from eshop_chassis.mysql import row_counts

Read = Callable[[str, tuple[Any, ...]], Awaitable[Sequence[tuple[Any, ...]]]]
"""Runs a query and returns its rows: `Database.read`."""

log = get_logger(__name__)
RANGE = 1024
"""Ids from one landmark to the next."""
YOUNG = 2
"""Ranges at the end that have none: there a transaction may still commit an id that is lower than the newest."""
MOST_BEHIND = 4 * RANGE
"""Rows behind the last landmark from which on more are made."""
WAIT_SECONDS = 1.0
MOST_ID = 2**63 - 1
PAUSE = 20
"""How many times as long as it took to count a table it is left alone, when the landmarks don't hold for long."""


@dataclass(frozen=True)
class Known:
    """What one survey found: the landmarks' ids, in order, and how many rows are shown before each."""

    ids: Sequence[int]
    before: Sequence[int]
    moves: int

    @property
    def edge(self) -> int:
        """The last landmark's id."""
        return self.ids[-1]

    def around(self, rank: int, count: int) -> tuple[int, int, int]:
        """(first id, id behind, rows before the first) of the landmarks that `count` rows from `rank` on lie between.

        Without an id behind them MySQL takes a range that is most of the table for a case for walking all of it.
        """
        index = bisect_right(self.before, rank) - 1
        behind = bisect_left(self.before, rank + count)
        return self.ids[index], self.ids[behind] if behind < len(self.ids) else MOST_ID, self.before[index]

    def holds(self, total: int | None, moves: int, behind: int) -> bool:
        """Whether it held in a statement that found this total, these moves, and so many rows behind the edge."""
        return moves == self.moves and total == self.before[-1] + behind


class Landmarks:
    """The landmarks of one table of one database."""

    def __init__(self, table: str) -> None:
        total, moves = (
            row_counts.TOTAL.replace("%s", f"'{table}'"),
            row_counts.MOVES.replace("%s", f"'{row_counts.moves(table)}'"),
        )
        self._table = table
        self._survey_from = (
            f"SELECT id DIV {RANGE}, COUNT(*), ({total}), ({moves}) FROM `{table}`"  # noqa: S608 - our own names
            " WHERE deleted_at IS NULL AND id >= %s GROUP BY 1 ORDER BY 1"
        )
        self.proof = (
            f"({total}), ({moves}),"  # noqa: S608 - our own names
            f" (SELECT COUNT(*) FROM `{table}` WHERE deleted_at IS NULL AND id >= %s)"
        )
        """SQL: what `Known.holds` is to be asked with; its parameter is the edge."""
        self._known: Known | None = None
        self._surveying: asyncio.Task[None] | None = None
        self._not_before = 0.0

    async def of(self, read: Read, total: int) -> Known | None:
        """Landmarks for a table of this many rows; None without any. Makes some, and waits for them a moment."""
        if not self._known or total - self._known.before[-1] > MOST_BEHIND:
            if self._surveying is None and time.monotonic() >= self._not_before:
                self._surveying = asyncio.create_task(self._survey(read))
            if self._surveying is not None:
                await asyncio.wait({self._surveying}, timeout=WAIT_SECONDS)
        known = self._known
        return known if known and total - known.before[-1] <= 2 * MOST_BEHIND else None

    def forget(self, known: Known) -> None:
        """Forgets what did not hold."""
        if self._known is known:
            self._known = None

    async def close(self) -> None:
        """Cancels a survey in progress."""
        if self._surveying is not None:
            self._surveying.cancel()
            await asyncio.wait({self._surveying})

    async def _survey(self, read: Read) -> None:
        """Counts the rows behind the last landmark, or all of them."""
        began = time.monotonic()
        try:
            more = await self._counted(read, self._known) if self._known else None
            self._known = more or await self._counted(read, None)
        except Exception as error:
            self._known = None
            log.info("a table is not counted", table=self._table, why=str(error))
        finally:
            self._not_before = time.monotonic() + PAUSE * (time.monotonic() - began)
            self._surveying = None

    async def _counted(self, read: Read, known: Known | None) -> Known | None:
        """`known` and the landmarks behind it; None where it does not hold any more, or there is no total to tell."""
        rows = await read(self._survey_from, (known.edge if known else 0,))
        if not rows:
            return None
        total, moves = rows[0][2], int(rows[0][3])
        known = known or Known([0], [0], moves)
        if not known.holds(total, moves, sum(row[1] for row in rows)):
            return None
        ids, before = list(known.ids), list(known.before)
        for number, count, *_ in rows:
            if number > rows[-1][0] - YOUNG:
                break
            ids.append((number + 1) * RANGE)
            before.append(before[-1] + count)
        return Known(ids, before, moves)
