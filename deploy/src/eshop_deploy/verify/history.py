"""The history of a culprit: what each service wrote for it, and every branch of the transactions it went through."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from eshop_deploy.verify.findings import Finding
from eshop_deploy.verify.stores import Row, Snapshot

MOST_LINES = 30
MOST_GIDS = 5
REFUSING = ("order", "stock", "coupon", "pay")


def history(db: Snapshot, finding: Finding) -> Iterator[str]:
    """Lines of text, the oldest first within each store."""
    gids = list(finding.gids)
    if finding.what == "order":
        yield from _order(db, finding.name, gids)
    elif finding.what == "product":
        yield from _product(db, finding.name)
    elif finding.what == "coupon":
        yield from _coupon(db, finding.name, gids)
    for gid in list(dict.fromkeys(gids))[:MOST_GIDS]:
        yield from _transaction(db, gid)


def _order(db: Snapshot, order_id: str, gids: list[str]) -> Iterator[str]:
    for row in db.rows(
        "SELECT state, status, gid, user_id, product_id, product_count, amount, coupon_id, code, reason, created_at,"
        " updated_at FROM eshop_order.order_record WHERE order_id = %s",
        [order_id],
    ):
        yield (
            f"order: {row[0]}, status {row[1]}, by {row[2] or 'nobody'}; user {row[3]}, {row[5]} of product {row[4]},"
            f" amount {row[6]}, coupon {row[7]}{_why(row[8], row[9])}; made {row[10]}, changed {row[11]}"
        )
        gids.append(row[2])
    ledger = db.rows(
        "SELECT delta, kind, product_id, gid, created_at FROM eshop_stock.stock_ledger WHERE ref = %s ORDER BY id",
        [order_id],
    )
    yield from _told(ledger, "ledger: {0:+} {1} of product {2} by {3} at {4}")
    payments = db.rows(
        "SELECT id, amount, status, gid, created_at FROM eshop_pay.pay WHERE order_id = %s ORDER BY id", [order_id]
    )
    yield from _told(payments, "payment {0}: {1}, status {2}, by {3}, made {4}")
    gids += [row[3] for row in (*ledger, *payments) if row[3]]


def _product(db: Snapshot, product: str) -> Iterator[str]:
    yield from _told(
        db.rows(
            "SELECT id, stock, flash_version, flash_open, updated_at, deleted_at FROM eshop_stock.stock"
            " WHERE product_id = %s ORDER BY id",
            [product],
        ),
        "stock row {0}: {1} units, sale version {2}, open {3}, changed {4}, deleted {5}",
    )
    yield from _told(
        db.rows(
            "SELECT kind, COUNT(*), SUM(delta), MAX(id) FROM eshop_stock.stock_ledger"
            " WHERE product_id = %s GROUP BY kind",
            [product],
        ),
        "ledger: {1} rows {0}, together {2:+}, the newest {3}",
    )


def _coupon(db: Snapshot, coupon: str, gids: list[str]) -> Iterator[str]:
    rows = db.rows("SELECT user_id, status, order_id, gid FROM eshop_coupon.coupon WHERE id = %s", [coupon])
    yield from _told(rows, "coupon: of user {0}, status {1}, used by order {2!r} in {3!r}")
    gids += [row[3] for row in rows if row[3]]


def _transaction(db: Snapshot, gid: str) -> Iterator[str]:
    if not gid:
        return
    sql = "SELECT status, create_time, update_time, rollback_reason FROM dtm.trans_global WHERE gid = %s"
    known = db.rows(sql, [gid])
    if not known:
        yield f"{gid}: DTM does not know it"
    yield from _told(known, f"{gid}: {{0}}, made {{1}}, changed {{2}} {{3}}")
    yield from _told(
        db.rows(
            "SELECT branch_id, op, status, url FROM dtm.trans_branch_op WHERE gid = %s ORDER BY branch_id, id", [gid]
        ),
        "  DTM branch {0} {1}: {2}, {3}",
    )
    yield from _told(
        db.rows("SELECT branch_id, op, reason, create_time FROM dtm_barrier.barrier WHERE gid = %s ORDER BY id", [gid]),
        "  barrier {0} {1}: written by {2} at {3}",
    )
    for service in REFUSING:
        sql = f"SELECT branch_id, order_id, code, reason FROM eshop_{service}.refusal WHERE gid = %s ORDER BY id"  # noqa: S608
        yield from _told(db.rows(sql, [gid]), f"  refused by {service}, branch {{0}}: order {{1}}, {{2}}, {{3}}")


def _told(rows: Sequence[Row], text: str) -> Iterator[str]:
    for row in rows[:MOST_LINES]:
        yield text.format(*row)
    if len(rows) > MOST_LINES:
        yield f"  and {len(rows) - MOST_LINES} more"


def _why(code: str, reason: str) -> str:
    return f", {code}: {reason}" if code or reason else ""
