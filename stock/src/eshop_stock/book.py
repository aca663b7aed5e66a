"""Where stock is kept: rows of units, and a ledger of every change."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from eshop_chassis.mysql import Tx
from eshop_stock.units import Stock, Units


class StockBook(Protocol):
    """Stock rows and their ledger. Every method is given a transaction and never commits."""

    async def deduct(
        self, tx: Tx, gid: str, items: Sequence[Units], taken: Collection[int], branch_id: str = ""
    ) -> bool:
        """Takes the units of all items, or says False, and then the transaction must be rolled back.

        `taken` names the products whose units were taken from the flash sale before: a product on flash sale
        that is not among them makes it False. The hot rows are locked last, for as short as possible.
        """
        ...

    async def put_back(self, tx: Tx, gid: str, branch_id: str = "") -> None:
        """Undoes `deduct`: puts back what the ledger says that this branch took.

        Units of a row that was deleted meanwhile leave the books with it.
        """
        ...

    async def products_of(self, tx: Tx, gid: str, branch_id: str) -> set[int]:
        """The products whose units this branch took, put back or not."""
        ...

    async def find(self, tx: Tx, product_ids: Collection[int]) -> Mapping[int, Stock]:
        """The rows of these products, by product id; products without a row are absent."""
        ...

    async def set_flash(self, tx: AsyncConnection, product_id: int, stock: int, limit: int) -> int:
        """Sets the stock of a product on flash sale, not open yet, and returns the sale's new version."""
        ...

    async def mark_closed(self, tx: Tx, product_id: int) -> int:
        """Notes that the sale is about to be closed, so that somebody opens it again whatever comes.

        Returns its version, 0 for a product that is not on flash sale.
        """
        ...

    async def mark_open(self, tx: Tx, product_id: int, version: int) -> None:
        """Notes that the sale of this version is open."""
        ...

    async def unopened(self, tx: Tx) -> Sequence[tuple[int, int, int]]:
        """(product, stock, limit) of sales that were set some seconds ago and never opened: their setter died."""
        ...

    async def placed(self, tx: Tx, refs: Collection[str]) -> set[str]:
        """Those of `refs` whose units are deducted at present."""
        ...
