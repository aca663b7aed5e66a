"""Pages of all rows that are shown, by id: they cost the same however many rows there are.

The total comes from `row_counts`, the page from the index of `deleted_at`, which holds the ids of the shown rows
in order: it is walked to the page, from the nearer end or the nearest landmark, and only the rows of the page are read.
"""

from collections.abc import Sequence

from eshop_chassis.mysql import row_counts
from eshop_chassis.mysql.database import Rows
from eshop_chassis.mysql.landmarks import Known, Landmarks, Read

# From here on it pays to ask for the total first.
DEEP = 1000
# A total that changes between two statements makes a page from the far end wrong, and is asked for again.
ATTEMPTS = 3


class Pages:
    """The pages of one table. `columns` are SQL expressions over the table, which is called t."""

    def __init__(self, table: str, columns: Sequence[str]) -> None:
        self._table = table
        self._columns = ", ".join(columns)
        total = row_counts.TOTAL.replace("%s", f"'{table}'")
        self._total = f"SELECT ({total})"
        self._count = f"SELECT COUNT(*) FROM `{table}` WHERE deleted_at IS NULL"  # noqa: S608 - our own names
        self._page = {
            (walk, order): (
                f"SELECT ({total}), {', '.join(columns)}"  # noqa: S608 - our own names
                f" FROM (SELECT id FROM `{table}` WHERE deleted_at IS NULL ORDER BY id {walk} LIMIT %s OFFSET %s)"
                f" AS page JOIN `{table}` AS t ON t.id = page.id ORDER BY t.id {order}"
            )
            for walk in ("ASC", "DESC")
            for order in ("ASC", "DESC")
        }
        self._before = (
            f"SELECT ({total}), {', '.join(columns)}"  # noqa: S608 - our own names
            f" FROM (SELECT id FROM `{table}` WHERE deleted_at IS NULL AND id < %s ORDER BY id DESC LIMIT %s OFFSET %s)"
            f" AS page JOIN `{table}` AS t ON t.id = page.id ORDER BY t.id DESC"
        )

    async def total(self, read: Read) -> int:
        """How many rows are shown; counted where no total is kept."""
        [(total,)] = await read(self._total, ())
        return total if total is not None else await self._counted(read)

    async def page(
        self, read: Read, offset: int, limit: int, landmarks: Landmarks, *, descending: bool = True
    ) -> tuple[int, Rows]:
        """Returns (total, rows of the page, each as its columns)."""
        order = "DESC" if descending else "ASC"
        if offset > DEEP and (found := await self._deep(read, offset, limit, order, landmarks)) is not None:
            return found
        return await self._with_total(read, await read(self._page[order, order], (limit, offset)))

    async def before(self, read: Read, row_id: int, offset: int, limit: int) -> tuple[int, Rows]:
        """The same for the rows whose id is lower than `row_id`, newest first; the total is that of all rows."""
        return await self._with_total(read, await read(self._before, (row_id, limit, offset)))

    async def _with_total(self, read: Read, rows: Rows) -> tuple[int, Rows]:
        total = rows[0][0] if rows else None
        return await self.total(read) if total is None else total, _without_total(rows)

    async def _deep(
        self, read: Read, offset: int, limit: int, order: str, landmarks: Landmarks
    ) -> tuple[int, Rows] | None:
        """The page, from a landmark or from the end if it lies behind the middle; None if it doesn't, or the table
        changes too fast to tell.
        """
        total = await self.total(read)
        for _ in range(ATTEMPTS):
            if offset >= total:
                return total, []
            behind = max(0, total - offset - limit)
            known = await landmarks.of(read, total) if behind > DEEP else None
            if known is not None:
                found = await self._from_landmark(read, landmarks, known, (total, offset, limit), order)
            elif offset > total // 2:
                rows = await read(self._page[_other(order), order], (min(limit, total - offset), behind))
                found = (rows[0][0], _without_total(rows)) if rows else None
            else:
                return None
            if found is not None and found[0] == total:  # page and total are of one snapshot
                return found
            total = await self.total(read)
        return None

    async def _from_landmark(
        self, read: Read, landmarks: Landmarks, known: Known, window: tuple[int, int, int], order: str
    ) -> tuple[int, Rows] | None:
        """(total, rows of the page) as a statement finds them; None where the landmarks did not hold in it.

        `window` is the total that is expected, the offset and the limit.
        """
        total, offset, limit = window
        count = min(limit, total - offset)
        rank = offset if order == "ASC" else total - offset - count
        first, behind, before = known.around(rank, count)
        rows = await read(
            f"SELECT {landmarks.proof}, {self._columns} FROM"  # noqa: S608 - our own names
            f" (SELECT id FROM `{self._table}` WHERE deleted_at IS NULL AND id >= %s AND id < %s"
            " ORDER BY id LIMIT %s OFFSET %s)"
            f" AS page JOIN `{self._table}` AS t ON t.id = page.id ORDER BY t.id {order}",
            (known.edge, first, behind, count, rank - before),
        )
        if rows and known.holds(*rows[0][:3]):
            return rows[0][0], [row[3:] for row in rows]
        landmarks.forget(known)
        return None

    async def _counted(self, read: Read) -> int:
        [(count,)] = await read(self._count, ())
        return int(count)


def _other(order: str) -> str:
    return "ASC" if order == "DESC" else "DESC"


def _without_total(rows: Rows) -> Rows:
    return [row[1:] for row in rows]
