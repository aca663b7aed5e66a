"""Undoing a transaction that DTM has lost: the undos that DTM would call, under its gid and barriers.

The branches are numbered as the order service builds its sagas: orders, coupons where there are any, stock, payments.
Undoing a branch that never ran does nothing, and keeps it from running later.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from eshop_deploy.settings import Settings
from eshop_deploy.verify.stores import Row, Snapshot, ask


@dataclass(frozen=True)
class _Undo:
    port: str
    path: str
    body: dict[str, Any]


def undo_abandoned(settings: Settings, db: Snapshot, gid: str) -> None:
    """Undoes every branch, the last one first. Raises BringUpError where one does not answer; do it again then."""
    rows = db.rows(
        "SELECT order_id, user_id, product_id, product_count, amount, coupon_id FROM eshop_order.order_record"
        " WHERE gid = %s AND state IN ('claimed', 'placing') ORDER BY order_id",
        [gid],
    )
    branches = list(enumerate(_undos(rows), start=1))
    for number, branch in reversed(branches):
        metadata = f"gid={gid}&branch_id={number:02}&op=compensate&trans_type=saga"
        ask(settings, branch.port, "POST", f"{branch.path}?{metadata}", branch.body)


def _undos(rows: list[Row]) -> list[_Undo]:
    names = ("orderID", "userID", "productID", "productCount", "amount", "couponID")
    orders: list[dict[str, Any]] = [dict(zip(names, row, strict=True)) for row in rows]
    coupons = [_some(o, "couponID", "userID", "orderID") for o in orders if o["couponID"]]
    items = [_some(o, "orderID", "productID", "productCount", "userID") for o in orders]
    for item in items:
        item["flashTaken"] = item["orderID"].startswith("f")
    payments = [_some(o, "userID", "orderID", "amount") for o in orders]
    return [
        _Undo("order_http", "/api/v1/order/createManyRevert", {"orders": orders}),
        *([_Undo("coupon_http", "/api/v1/coupon/useManyRevert", {"coupons": coupons})] if coupons else []),
        _Undo("stock_http", "/api/v1/stock/deductManyRevert", {"items": items}),
        _Undo("pay_http", "/api/v1/pay/createManyRevert", {"payments": payments}),
    ]


def _some(order: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: order[name] for name in names}
