"""The stock store in memory."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from eshop_chassis.mysql import Tx
from eshop_stock.units import Stock, Units, total_by_product
from shop_in_memory.database import data_of


@dataclass(frozen=True)
class _Row:
    stock: int
    version: int = 0
    limit: int = 0
    open: bool = False
    lost: bool = False
    updated: float = 0.0


@dataclass(frozen=True)
class Booking:
    """A line of the ledger."""

    product_id: int
    delta: int
    kind: str
    ref: str = ""
    gid: str = ""
    branch_id: str = ""


class MemoryStock:
    """Keeps stock as `StockBook` asks. `now` is its clock, in seconds."""

    def __init__(self) -> None:
        self.now = 0.0

    async def create(self, tx: Tx, product_id: int, stock: int) -> None:
        """Puts a product on sale, as the service's Create does."""
        rows(data_of(tx))[product_id] = _Row(stock)
        await self.write_ledger(tx, product_id, stock, "create")

    async def deduct(
        self, tx: Tx, gid: str, items: Sequence[Units], taken: Collection[int], branch_id: str = ""
    ) -> bool:
        table = rows(data_of(tx))
        ledger(data_of(tx)).extend(Booking(i.product_id, -i.count, "order", i.ref, gid, branch_id) for i in items)
        done = 0
        for product_id, count in total_by_product(items).items():
            row = table.get(product_id)
            if row and row.stock >= count and (row.version == 0 or row.lost or product_id in taken):
                table[product_id] = replace(row, stock=row.stock - count)
                done += 1
        return done == len(total_by_product(items))

    async def put_back(self, tx: Tx, gid: str, branch_id: str = "") -> None:
        table, held = rows(data_of(tx)), dict[tuple[str, int], int]()
        for booking in _of_branch(tx, gid, branch_id):
            held[booking.ref, booking.product_id] = held.get((booking.ref, booking.product_id), 0) - booking.delta
        for (ref, product_id), count in held.items():
            if count > 0:
                ledger(data_of(tx)).append(Booking(product_id, count, "revert", ref, gid, branch_id))
                table[product_id] = replace(table[product_id], stock=table[product_id].stock + count)

    async def products_of(self, tx: Tx, gid: str, branch_id: str) -> set[int]:
        return {booking.product_id for booking in _of_branch(tx, gid, branch_id)}

    async def find(self, tx: Tx, product_ids: Collection[int]) -> Mapping[int, Stock]:
        table = rows(data_of(tx))
        return {
            p: Stock(p, table[p].stock, table[p].version > 0 and not table[p].lost) for p in product_ids if p in table
        }

    async def write_ledger(self, tx: Tx, product_id: int, delta: int, kind: str) -> None:
        if delta:
            ledger(data_of(tx)).append(Booking(product_id, delta, kind))

    async def set_flash(self, tx: Tx, product_id: int, stock: int, limit: int) -> int:
        before = rows(data_of(tx)).get(product_id, _Row(0))
        row = _Row(stock, before.version + 1, limit, updated=self.now)
        rows(data_of(tx))[product_id] = row
        await self.write_ledger(tx, product_id, stock - before.stock, "flash")
        return row.version

    async def mark_closed(self, tx: Tx, product_id: int) -> int:
        row = rows(data_of(tx)).get(product_id)
        if row is None or not row.version:
            return 0
        rows(data_of(tx))[product_id] = replace(row, open=False, updated=self.now)
        return row.version

    async def mark_open(self, tx: Tx, product_id: int, version: int) -> None:
        row = rows(data_of(tx)).get(product_id)
        if row and row.version == version:
            rows(data_of(tx))[product_id] = replace(row, open=True)

    async def unopened(self, tx: Tx) -> Sequence[tuple[int, int, int]]:
        return [
            (product_id, row.stock, row.limit)
            for product_id, row in rows(data_of(tx)).items()
            if row.version and not row.open and not row.lost and row.updated < self.now - 10
        ]

    async def placed(self, tx: Tx, refs: Collection[str]) -> set[str]:
        return {ref for ref in refs if sum(b.delta for b in ledger(data_of(tx)) if b.ref == ref) < 0}


def _of_branch(tx: Tx, gid: str, branch_id: str) -> list[Booking]:
    return [
        b for b in ledger(data_of(tx)) if (b.gid, b.branch_id) == (gid, branch_id) and b.kind in ("order", "revert")
    ]


def rows(data: dict[str, dict[int, _Row]]) -> dict[int, _Row]:
    """The stock rows in a database's data."""
    return data.setdefault("stock", {})


def ledger(data: dict[str, list[Booking]]) -> list[Booking]:
    """The ledger in a database's data."""
    return data.setdefault("ledger", [])
