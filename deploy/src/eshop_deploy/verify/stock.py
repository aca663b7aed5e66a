"""I1: a product's stock is the sum of its ledger."""

from __future__ import annotations

from collections.abc import Iterator

from eshop_deploy.verify.findings import Finding
from eshop_deploy.verify.scope import EVERYTHING, Scope
from eshop_deploy.verify.stores import Snapshot

MOST_TOLD = 1_000


def wrong_stocks(db: Snapshot, scope: Scope = EVERYTHING) -> Iterator[Finding]:
    """Products whose stock and ledger differ."""
    rows = db.rows(
        "SELECT product_id, SUM(booked), SUM(there) FROM ("  # noqa: S608 - constants
        "SELECT product_id, SUM(delta) AS booked, 0 AS there FROM eshop_stock.stock_ledger"
        f" WHERE {scope.by_product()} GROUP BY product_id"
        " UNION ALL SELECT product_id, 0, CAST(stock AS SIGNED) FROM eshop_stock.stock"
        f" WHERE deleted_at IS NULL AND {scope.by_product()}"
        f") both_sides GROUP BY product_id HAVING SUM(booked) <> SUM(there) LIMIT {MOST_TOLD}"
    )
    for number, booked, there in rows:
        text = f"the ledger adds up to {booked}, the stock is {there}"
        yield Finding("I1", "product", str(number), text, product=number)
