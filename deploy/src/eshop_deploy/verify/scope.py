"""What a look is limited to: everything, or what some products have to do with."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

ORDERS = "eshop_order.order_record"


@dataclass(frozen=True)
class Scope:
    """Some products, or all. Each method gives an SQL condition; whoever looks at all gets TRUE."""

    products: frozenset[int] | None = None

    @classmethod
    def of(cls, products: Collection[int]) -> Scope:
        return cls(frozenset(products))

    @property
    def whole(self) -> bool:
        return self.products is None

    def by_product(self, column: str = "product_id") -> str:
        """Rows that name their product."""
        if self.products is None:
            return "TRUE"
        return f"{column} IN ({', '.join(str(int(product)) for product in sorted(self.products)) or 'NULL'})"

    def by_order(self, column: str) -> str:
        """Rows that name their order."""
        if self.whole:
            return "TRUE"
        return f"{column} IN (SELECT order_id FROM {ORDERS} WHERE {self.by_product()})"  # noqa: S608 - numbers

    def by_gid(self, column: str) -> str:
        """Rows that name a transaction which placed such orders, or moved units of such products."""
        if self.whole:
            return "TRUE"
        orders = f"SELECT gid FROM {ORDERS} WHERE {self.by_product()}"  # noqa: S608 - numbers
        units = f"SELECT gid FROM eshop_stock.stock_ledger WHERE {self.by_product()}"  # noqa: S608
        return f"{column} IN ({orders} UNION {units})"

    def by_order_or_gid(self, order: str, gid: str) -> str:
        """Rows that name their order, or, where a foreign saga made them, their transaction only."""
        return "TRUE" if self.whole else f"({self.by_order(order)} OR {self.by_gid(gid)})"


EVERYTHING = Scope()
