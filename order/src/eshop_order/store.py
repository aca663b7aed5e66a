"""The SQL of the order service. Every method is given a transaction and never commits."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from eshop_chassis.crud import CrudStore, table_of
from eshop_chassis.dtm import Fault
from eshop_chassis.mysql import Params, Tx, execute, fetch, marks, note_moved, note_shown
from eshop_contract import refusals
from eshop_order.orders import AWAITING_PAYMENT, CANCELLED, NewOrder, Row
from eshop_protos.order.v1 import order_pb2

ORDER = table_of("order_record", order_pb2.Order, sa.Column("state", sa.String), sa.Column("gid", sa.String))
_FIELDS = "order_id, user_id, product_id, product_count, amount, coupon_id, state, gid, suite, code, reason"


class OrderStore(CrudStore[order_pb2.Order]):
    """`Orders` in MySQL. A row is shown in every state but reverted, which deletes it, too."""

    def __init__(self) -> None:
        super().__init__(ORDER, order_pb2.Order, "order")

    async def claim(
        self, tx: Tx, gid: str, orders: Sequence[NewOrder], *, suite: bool, branch_id: str = ""
    ) -> list[Fault]:
        ordered = sorted(orders, key=lambda order: order.order_id)
        inserted = await self._insert(tx, gid, ordered, "claimed", suite=suite, branch_id=branch_id)
        if inserted == len(ordered):
            return []
        rows = await self.find(tx, [order.order_id for order in ordered], lock=True)
        faults = [f for o in ordered if (f := _claim_fault(o.order_id, rows.get(o.order_id), gid)) is not None]
        if not faults:
            free = [order for order in ordered if rows[order.order_id].state != "claimed"]
            if free:
                await self._take_over(tx, gid, free, suite=suite, branch_id=branch_id)
                note_moved(tx, ORDER.name, _hidden(rows, free))
        return faults

    async def note_running(self, tx: Tx, gid: str, orders: Sequence[NewOrder]) -> None:
        await self._insert(tx, gid, sorted(orders, key=lambda order: order.order_id), "placing", suite=True)

    async def revert(self, tx: Tx, gid: str, order_ids: Collection[str]) -> None:
        await self._free(tx, f"gid = %s AND order_id IN ({marks(order_ids)})", (gid, *order_ids))

    async def undo(self, tx: Tx, gid: str, branch_id: str) -> None:
        await self._free(tx, "gid = %s AND branch_id IN ('', %s)", (gid, branch_id))

    async def confirm(self, tx: Tx, gid: str) -> None:
        await execute(
            tx,
            "UPDATE order_record SET state = 'confirmed', updated_at = NOW() WHERE gid = %s AND state = 'claimed'",
            (gid,),
        )

    async def cancel(self, tx: Tx, gid: str, refused: Sequence[tuple[NewOrder, Fault]]) -> set[str]:
        ordered = sorted(refused, key=lambda pair: pair[0].order_id)
        ids = [order.order_id for order, _ in ordered]
        rows = await self.find(tx, ids, lock=True)
        absent = [(order, fault) for order, fault in ordered if order.order_id not in rows]
        if await self._insert_cancelled(tx, gid, absent) < len(absent):
            rows = await self.find(tx, ids, lock=True)  # somebody else made one between our two statements
            absent = [pair for pair in absent if _says(rows.get(pair[0].order_id), gid, pair[1])]
        mine = [(o, fault) for o, fault in ordered if o.order_id in rows and _given_up(rows[o.order_id], gid)]
        if mine:
            await execute(
                tx,
                f"UPDATE order_record SET state = 'cancelled', status = {CANCELLED}, gid = %s, code = %s, reason = %s,"
                " deleted_at = NULL, updated_at = NOW() WHERE order_id = %s",
                [(gid, f.code, f.reason, o.order_id) for o, f in mine],
            )
            note_moved(tx, ORDER.name, _hidden(rows, [order for order, _ in mine]))
        return {order.order_id for order, _ in (*absent, *mine)}

    async def find(self, tx: Tx, order_ids: Collection[str], *, lock: bool = False) -> Mapping[str, Row]:
        rows = await fetch(
            tx,
            f"SELECT {_FIELDS} FROM order_record WHERE order_id IN ({marks(order_ids)})"
            f" ORDER BY order_id{' FOR UPDATE' if lock else ''}",
            tuple(order_ids),
        )
        return {row[0]: _row(row) for row in rows}

    async def by_order_id(self, tx: AsyncConnection, order_id: str) -> order_pb2.Order | None:
        found = (await tx.execute(sa.select(ORDER).where(ORDER.c.order_id == order_id, self.visible))).one_or_none()
        return None if found is None else self.to_message(found)

    async def left_behind(self, tx: Tx, seconds: int) -> Sequence[Row]:
        rows = await fetch(
            tx,
            f"SELECT {_FIELDS} FROM order_record WHERE state IN ('placing', 'claimed', 'reverted')"
            " AND updated_at < NOW() - INTERVAL %s SECOND ORDER BY updated_at LIMIT 500",
            (seconds,),
        )
        return [_row(row) for row in rows]

    async def note_dead_letter(self, tx: Tx, order_id: str, position: str, reason: str) -> None:
        await execute(
            tx,
            "INSERT INTO dead_letter (order_id, position, reason) VALUES (%s, %s, %s)"
            " ON DUPLICATE KEY UPDATE reason = VALUES(reason), created_at = NOW()",
            (order_id, position[:300], reason),
        )

    async def dead_letter(self, tx: Tx, order_id: str) -> str | None:
        rows = await fetch(tx, "SELECT reason FROM dead_letter WHERE order_id = %s", (order_id,))
        return rows[0][0] if rows else None

    async def note_return(self, tx: Tx, order: NewOrder, *, resell: bool) -> None:
        await execute(
            tx,
            "INSERT IGNORE INTO unit_return (order_id, product_id, resell) VALUES (%s, %s, %s)",
            (order.order_id, order.product_id, int(resell)),
        )

    async def returns(self, tx: Tx) -> Sequence[tuple[str, int, bool]]:
        rows = await fetch(tx, "SELECT order_id, product_id, resell FROM unit_return ORDER BY created_at LIMIT 500")
        return [(row[0], row[1], bool(row[2])) for row in rows]

    async def returned(self, tx: Tx, order_ids: Collection[str]) -> None:
        await execute(
            tx,
            f"DELETE FROM unit_return WHERE order_id IN ({marks(order_ids)})",
            tuple(order_ids),
        )

    async def _free(self, tx: Tx, which: str, values: Params) -> None:
        hidden = await execute(
            tx,
            f"UPDATE order_record SET state = 'reverted', deleted_at = NOW(), status = {CANCELLED}, updated_at = NOW()"
            f" WHERE state IN ('claimed', 'placing') AND {which}",
            values,
        )
        note_moved(tx, ORDER.name, -hidden)

    async def _insert(
        self, tx: Tx, gid: str, orders: Sequence[NewOrder], state: str, *, suite: bool, branch_id: str = ""
    ) -> int:
        inserted = await execute(
            tx,
            # Nothing but %s among the values: then the driver sends all rows in one statement.
            "INSERT IGNORE INTO order_record (order_id, user_id, product_id, product_count, amount, coupon_id, state,"
            " gid, branch_id, suite) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [(*_ordered(order), state, gid, branch_id, int(suite)) for order in orders],
        )
        note_shown(tx, ORDER.name, inserted)
        return inserted

    async def _insert_cancelled(self, tx: Tx, gid: str, refused: Sequence[tuple[NewOrder, Fault]]) -> int:
        """Writes orders that end before they had a row; returns how many there was none of yet."""
        if not refused:
            return 0
        inserted = await execute(
            tx,
            "INSERT IGNORE INTO order_record (order_id, user_id, product_id, product_count, amount, coupon_id, state,"
            " status, gid, suite, code, reason) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [(*_ordered(order), "cancelled", CANCELLED, gid, 1, fault.code, fault.reason) for order, fault in refused],
        )
        note_shown(tx, ORDER.name, inserted)
        return inserted

    async def _take_over(self, tx: Tx, gid: str, orders: Sequence[NewOrder], *, suite: bool, branch_id: str) -> None:
        """Claims rows that nobody owns; they say what is ordered now."""
        await execute(
            tx,
            f"UPDATE order_record SET state = 'claimed', gid = %s, branch_id = %s, suite = %s,"
            f" status = {AWAITING_PAYMENT}, user_id = %s, product_id = %s, product_count = %s, amount = %s,"
            " coupon_id = %s, deleted_at = NULL, updated_at = NOW() WHERE order_id = %s",
            [(gid, branch_id, int(suite), *_ordered(o)[1:], o.order_id) for o in orders],
        )


def _claim_fault(order_id: str, row: Row | None, gid: str) -> Fault | None:
    if row is None:  # MySQL's unique key ignores blanks at the end
        return Fault(order_id, *refusals.ORDER_ID_TAKEN())
    if row.final is not None:
        return Fault(order_id, *refusals.ALREADY_FINAL())
    if row.state in ("reverted", "placing") or row.gid == gid:
        return None
    return Fault(order_id, *refusals.CLAIMED_ELSEWHERE())


def _ordered(order: NewOrder) -> Params:
    return order.order_id, order.user_id, order.product_id, order.product_count, order.amount, order.coupon_id


def _says(row: Row | None, gid: str, fault: Fault) -> bool:
    """Whether an order has ended as `gid` would have it end."""
    return row is not None and (row.state, row.gid, row.code, row.reason) == (
        "cancelled",
        gid,
        fault.code,
        fault.reason,
    )


def _given_up(row: Row, gid: str) -> bool:
    """Whether nobody owns an order any more, seen from `gid`, which did."""
    return row.state == "placing" or (row.state == "reverted" and row.gid == gid)


def _hidden(rows: Mapping[str, Row], orders: Collection[NewOrder]) -> int:
    """How many of these orders were not shown: those that are reverted."""
    return len({order.order_id for order in orders if rows[order.order_id].state == "reverted"})


def _row(row: Any) -> Row:
    return Row(NewOrder(*row[:6]), row[6], row[7], bool(row[8]), row[9], row[10])
