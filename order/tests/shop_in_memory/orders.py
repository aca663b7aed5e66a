"""The order store in memory."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from eshop_chassis.dtm import Fault
from eshop_chassis.mysql import Tx
from eshop_order.orders import ALREADY_FINAL, AWAITING_PAYMENT, CANCELLED, CLAIMED_ELSEWHERE, NewOrder, Row
from eshop_protos.order.v1 import order_pb2
from shop_in_memory.database import data_of


@dataclass(frozen=True)
class _Kept:
    row: Row
    id: int
    status: int
    deleted: bool
    updated: float
    branch_id: str = ""


class MemoryOrders:
    """Keeps orders as `Orders` asks. `now` is its clock, in seconds."""

    def __init__(self) -> None:
        self.now = 0.0

    async def claim(
        self, tx: Tx, gid: str, orders: Sequence[NewOrder], *, suite: bool, branch_id: str = ""
    ) -> list[Fault]:
        table = _orders(tx)
        absent = [order for order in orders if order.order_id not in table]
        self._insert(tx, gid, absent, "claimed", suite=suite, branch_id=branch_id)
        if len(absent) == len(orders):
            return []
        ids = sorted(order.order_id for order in orders)
        faults = [fault for order_id in ids if (fault := _fault(table[order_id].row, gid))]
        if not faults:
            for order in orders:
                if table[order.order_id].row.state != "claimed":
                    new = {"state": "claimed", "gid": gid, "order": order, "suite": suite}
                    self._change(tx, order.order_id, status=AWAITING_PAYMENT, deleted=False, branch_id=branch_id, **new)
        return faults

    async def note_running(self, tx: Tx, gid: str, orders: Sequence[NewOrder]) -> None:
        self._insert(tx, gid, [o for o in orders if o.order_id not in _orders(tx)], "placing", suite=True)

    async def revert(self, tx: Tx, gid: str, order_ids: Collection[str]) -> None:
        for order_id in order_ids:
            if self._is(tx, order_id, gid, "claimed", "placing"):
                self._change(tx, order_id, status=CANCELLED, deleted=True, state="reverted")

    async def undo(self, tx: Tx, gid: str, branch_id: str) -> None:
        ids = [order_id for order_id, kept in _orders(tx).items() if kept.branch_id in ("", branch_id)]
        await self.revert(tx, gid, ids)

    async def confirm(self, tx: Tx, gid: str) -> None:
        for order_id in list(_orders(tx)):
            if self._is(tx, order_id, gid, "claimed"):
                self._change(tx, order_id, state="confirmed")

    async def cancel(self, tx: Tx, gid: str, refused: Sequence[tuple[NewOrder, Fault]]) -> set[str]:
        self._insert(tx, gid, [o for o, _ in refused if o.order_id not in _orders(tx)], "placing", suite=True)
        cancelled: set[str] = set()
        for order, fault in refused:
            row = _orders(tx)[order.order_id].row
            if row.state == "placing" or (row.state == "reverted" and row.gid == gid):
                final = {"state": "cancelled", "gid": gid, "code": fault.code, "reason": fault.reason}
                self._change(tx, order.order_id, status=CANCELLED, deleted=False, **final)
                cancelled.add(order.order_id)
        return cancelled

    async def find(self, tx: Tx, order_ids: Collection[str], *, lock: bool = False) -> Mapping[str, Row]:
        table = _orders(tx)
        return {order_id: table[order_id].row for order_id in sorted(order_ids) if order_id in table}

    async def by_order_id(self, tx: Tx, order_id: str) -> order_pb2.Order | None:
        kept = _orders(tx).get(order_id)
        if kept is None or kept.deleted or kept.row.state == "reverted":
            return None
        order = kept.row.order
        return order_pb2.Order(
            id=kept.id,
            orderID=order_id,
            userID=order.user_id,
            productID=order.product_id,
            productCount=order.product_count,
            amount=order.amount,
            couponID=order.coupon_id,
            status=kept.status,
        )

    async def left_behind(self, tx: Tx, seconds: int) -> Sequence[Row]:
        open_states = ("placing", "claimed", "reverted")
        old = [k for k in _orders(tx).values() if k.row.state in open_states and k.updated < self.now - seconds]
        return [kept.row for kept in sorted(old, key=lambda kept: kept.updated)][:500]

    async def note_dead_letter(self, tx: Tx, order_id: str, position: str, reason: str) -> None:
        data_of(tx).setdefault("dead_letter", {})[order_id] = reason

    async def dead_letter(self, tx: Tx, order_id: str) -> str | None:
        return data_of(tx).setdefault("dead_letter", {}).get(order_id)

    async def note_return(self, tx: Tx, order: NewOrder, *, resell: bool) -> None:
        _returns(tx).setdefault(order.order_id, (order.product_id, resell))

    async def returns(self, tx: Tx) -> Sequence[tuple[str, int, bool]]:
        return [(order_id, *rest) for order_id, rest in _returns(tx).items()][:500]

    async def returned(self, tx: Tx, order_ids: Collection[str]) -> None:
        for order_id in order_ids:
            _returns(tx).pop(order_id, None)

    def _insert(
        self, tx: Tx, gid: str, orders: Sequence[NewOrder], state: str, *, suite: bool, branch_id: str = ""
    ) -> None:
        table = _orders(tx)
        for order in orders:
            row = Row(order, state, gid, suite, "", "")  # type: ignore[arg-type] - one of the states
            table[order.order_id] = _Kept(row, len(table) + 1, AWAITING_PAYMENT, False, self.now, branch_id)

    def _is(self, tx: Tx, order_id: str, gid: str, *states: str) -> bool:
        kept = _orders(tx).get(order_id)
        return kept is not None and kept.row.gid == gid and kept.row.state in states

    def _change(
        self,
        tx: Tx,
        order_id: str,
        *,
        status: int | None = None,
        deleted: bool | None = None,
        branch_id: str | None = None,
        **row: Any,
    ) -> None:
        kept = _orders(tx)[order_id]
        _orders(tx)[order_id] = replace(
            kept,
            row=replace(kept.row, **row),
            status=kept.status if status is None else status,
            deleted=kept.deleted if deleted is None else deleted,
            updated=self.now,
            branch_id=kept.branch_id if branch_id is None else branch_id,
        )


def _orders(tx: Tx) -> dict[str, _Kept]:
    return data_of(tx).setdefault("order", {})


def _returns(tx: Tx) -> dict[str, tuple[int, bool]]:
    return data_of(tx).setdefault("unit_return", {})


def _fault(row: Row, gid: str) -> Fault | None:
    if row.state in ("confirmed", "cancelled"):
        return Fault(row.order.order_id, ALREADY_FINAL, "it has its outcome")
    if row.state in ("reverted", "placing") or row.gid == gid:
        return None
    return Fault(row.order.order_id, CLAIMED_ELSEWHERE, "somebody else has it")
