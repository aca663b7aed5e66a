"""The SQL of the stock service. Every method is given a transaction and never commits."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from eshop_chassis.crud import CrudStore, table_of
from eshop_chassis.mysql import Tx, execute, fetch, marks
from eshop_protos.stock.v1 import stock_pb2
from eshop_stock.units import Stock, Units, total_by_product
from protoc_gen_fastapi.runtime import AlreadyExists

STOCK = table_of(
    "stock", stock_pb2.Stock, sa.Column("flash_version", sa.BigInteger), sa.Column("flash_limit", sa.BigInteger)
)

# What flash_open says of a sale whose Redis has restarted.
LOST = 2


class StockStore:
    """`StockBook` in MySQL."""

    def __init__(self) -> None:
        self.rows = CrudStore(STOCK, stock_pb2.Stock, "stock row")

    async def deduct(
        self, tx: Tx, gid: str, items: Sequence[Units], taken: Collection[int], branch_id: str = ""
    ) -> bool:
        await self._write_ledger(tx, [(i.product_id, -i.count, "order", i.ref, gid, branch_id) for i in items])
        totals = total_by_product(items)
        cases = " ".join("WHEN %s THEN %s" for _ in totals)
        pairs = [value for pair in totals.items() for value in pair]
        count = await execute(
            tx,
            f"UPDATE stock SET stock = stock - CASE product_id {cases} END, updated_at = NOW()"
            f" WHERE product_id IN ({marks(totals)}) AND deleted_at IS NULL"
            f" AND stock >= CASE product_id {cases} END"
            f" AND (flash_version = 0 OR flash_open = {LOST} OR product_id IN ({marks(taken) or 'NULL'}))",
            (*pairs, *totals, *pairs, *taken),
        )
        return count == len(totals)

    async def put_back(self, tx: Tx, gid: str, branch_id: str = "") -> None:
        items = await self._taken_by(tx, gid, branch_id)
        if not items:
            return
        await self._write_ledger(tx, [(i.product_id, i.count, "revert", i.ref, gid, branch_id) for i in items])
        for product_id, count in total_by_product(items).items():
            found = await execute(
                tx,
                "UPDATE stock SET stock = stock + %s, updated_at = NOW() WHERE product_id = %s AND deleted_at IS NULL",
                (count, product_id),
            )
            if not found:
                await self.write_ledger(tx, product_id, -count, "delete")

    async def _taken_by(self, tx: Tx, gid: str, branch_id: str) -> list[Units]:
        """The units that this branch holds. Rows without a branch are those of earlier releases."""
        rows = await fetch(
            tx,
            "SELECT ref, product_id, -SUM(delta) AS units FROM stock_ledger"
            " WHERE gid = %s AND branch_id IN ('', %s) AND kind IN ('order', 'revert')"
            " GROUP BY ref, product_id HAVING units > 0 ORDER BY product_id, ref",
            (gid, branch_id),
        )
        return [Units(ref, product_id, int(units)) for ref, product_id, units in rows]

    async def products_of(self, tx: Tx, gid: str, branch_id: str) -> set[int]:
        rows = await fetch(
            tx,
            "SELECT DISTINCT product_id FROM stock_ledger WHERE gid = %s AND branch_id IN ('', %s) AND kind = 'order'",
            (gid, branch_id),
        )
        return {row[0] for row in rows}

    async def find(self, tx: Tx, product_ids: Collection[int]) -> Mapping[int, Stock]:
        rows = await fetch(
            tx,
            "SELECT product_id, stock, flash_version, flash_open FROM stock"
            f" WHERE product_id IN ({marks(product_ids)}) AND deleted_at IS NULL",
            tuple(product_ids),
        )
        return {row[0]: Stock(row[0], row[1], row[2] > 0 and row[3] != LOST) for row in rows}

    async def write_ledger(self, tx: Tx, product_id: int, delta: int, kind: str) -> None:
        """Books a change that no order made."""
        if delta:
            await self._write_ledger(tx, [(product_id, delta, kind, "", "", "")])

    async def set_flash(self, tx: AsyncConnection, product_id: int, stock: int, limit: int) -> int:
        row_id, before, version = await self._row_to_set(tx, product_id)
        await execute(
            tx,
            "UPDATE stock SET stock = %s, flash_version = %s, flash_limit = %s, flash_open = 0, updated_at = NOW()"
            " WHERE id = %s",
            (stock, version + 1, limit, row_id),
        )
        await self.write_ledger(tx, product_id, stock - before, "flash")
        return version + 1

    async def _row_to_set(self, tx: AsyncConnection, product_id: int) -> tuple[int, int, int]:
        """(id, stock, version) of the product's row, locked; made where there is none."""
        sql = "SELECT id, stock, flash_version FROM stock WHERE product_id = %s AND deleted_at IS NULL FOR UPDATE"
        rows = await fetch(tx, sql, (product_id,))
        if not rows:
            with suppress(AlreadyExists):  # somebody else may make it between our two statements
                await self.rows.create(tx, {"product_id": product_id, "stock": 0})
            rows = await fetch(tx, sql, (product_id,))
        [(row_id, stock, version)] = rows
        return int(row_id), int(stock), int(version)

    async def mark_closed(self, tx: Tx, product_id: int) -> int:
        rows = await fetch(
            tx,
            "SELECT flash_version FROM stock WHERE product_id = %s AND deleted_at IS NULL FOR UPDATE",
            (product_id,),
        )
        version = int(rows[0][0]) if rows else 0
        await self._mark(tx, product_id, version, is_open=False)
        return version

    async def mark_open(self, tx: Tx, product_id: int, version: int) -> None:
        await self._mark(tx, product_id, version, is_open=True)

    async def _mark(self, tx: Tx, product_id: int, version: int, *, is_open: bool) -> None:
        if version:
            await execute(
                tx,
                "UPDATE stock SET flash_open = %s, updated_at = NOW()"
                " WHERE product_id = %s AND flash_version = %s AND deleted_at IS NULL",
                (int(is_open), product_id, version),
            )

    async def unopened(self, tx: Tx) -> Sequence[tuple[int, int, int]]:
        rows = await fetch(
            tx,
            "SELECT product_id, stock, flash_limit FROM stock WHERE flash_version > 0 AND flash_open = 0"
            " AND deleted_at IS NULL AND updated_at < NOW() - INTERVAL 10 SECOND",
        )
        return [(row[0], row[1], row[2]) for row in rows]

    async def placed(self, tx: Tx, refs: Collection[str]) -> set[str]:
        if not refs:
            return set()
        rows = await fetch(
            tx,
            f"SELECT ref FROM stock_ledger WHERE ref IN ({marks(refs)}) GROUP BY ref HAVING SUM(delta) < 0",
            tuple(refs),
        )
        return {row[0] for row in rows}

    async def _write_ledger(self, tx: Tx, rows: list[tuple[int, int, str, str, str, str]]) -> None:
        await execute(
            tx,
            "INSERT INTO stock_ledger (product_id, delta, kind, ref, gid, branch_id) VALUES (%s, %s, %s, %s, %s, %s)",
            rows,
        )
