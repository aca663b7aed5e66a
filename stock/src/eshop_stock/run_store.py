"""The SQL about the run of Redis that flash sales are set for. Methods are given a transaction and never commit."""

from collections.abc import Sequence

from eshop_chassis.mysql import Tx, execute, fetch
from eshop_stock.store import LOST


class RunStore:
    """Which run it is, and the sales that are lost with an earlier one."""

    async def run_id(self, tx: Tx) -> str:
        """The run that all sales are set for, "" before the first."""
        rows = await fetch(tx, "SELECT run_id FROM redis_run WHERE id = 1")
        return rows[0][0] if rows else ""

    async def confirm(self, tx: Tx, run_id: str) -> None:
        """Notes that all sales are set for this run."""
        sql = "INSERT INTO redis_run (id, run_id) VALUES (1, %s) ON DUPLICATE KEY UPDATE run_id = %s"
        await execute(tx, sql, (run_id, run_id))

    async def lose_sales(self, tx: Tx) -> Sequence[int]:
        """Takes all sales off Redis; returns their products. From now on orders take their units from MySQL alone."""
        await execute(tx, "UPDATE stock SET flash_open = %s WHERE flash_version > 0 AND deleted_at IS NULL", (LOST,))
        rows = await fetch(tx, "SELECT product_id FROM stock WHERE flash_version > 0 AND deleted_at IS NULL")
        return [row[0] for row in rows]

    async def set_again(self, tx: Tx, product_id: int) -> tuple[int, int, int] | None:
        """(version, stock, limit) of a lost sale, whose row stays locked; orders need Redis again. None: it is gone."""
        rows = await fetch(
            tx,
            "SELECT id, flash_version, stock, flash_limit FROM stock"
            " WHERE product_id = %s AND flash_version > 0 AND deleted_at IS NULL FOR UPDATE",
            (product_id,),
        )
        if not rows:
            return None
        row_id, version, stock, limit = rows[0]
        await execute(tx, "UPDATE stock SET flash_open = 0, updated_at = NOW() WHERE id = %s", (row_id,))
        return version, stock, limit
