"""The SQL of the pay service. Every method is given a transaction and never commits."""

from collections.abc import Sequence

import sqlalchemy as sa

from eshop_chassis.crud import CrudStore, table_of
from eshop_chassis.dtm import Fault
from eshop_chassis.mysql import Tx, execute, fetch, note_moved, note_shown
from eshop_contract import refusals
from eshop_pay.payments import AWAITING_PAYMENT, REVERTED, Payment
from eshop_protos.pay.v1 import pay_pb2

PAY = table_of("pay", pay_pb2.Pay, sa.Column("gid", sa.String))


class PayStore(CrudStore[pay_pb2.Pay]):
    """`Payments` in MySQL."""

    def __init__(self) -> None:
        super().__init__(PAY, pay_pb2.Pay, "payment")

    async def open(self, tx: Tx, gid: str, payments: Sequence[Payment], branch_id: str = "") -> list[Fault]:
        ordered = sorted(payments, key=lambda p: p.order_id)
        inserted = await execute(
            tx,
            # Nothing but %s among the values: then the driver sends all rows in one statement.
            "INSERT IGNORE INTO pay (user_id, order_id, amount, gid, branch_id) VALUES (%s, %s, %s, %s, %s)",
            [(p.user_id, p.order_id, p.amount, gid, branch_id) for p in ordered],
        )
        note_shown(tx, PAY.name, inserted)
        if inserted == len(ordered):
            return []
        return [fault for p in ordered if (fault := await self._open_again(tx, gid, p, branch_id)) is not None]

    async def revert(self, tx: Tx, gid: str, branch_id: str = "") -> None:
        await execute(
            tx,
            f"UPDATE pay SET status = {REVERTED}, updated_at = NOW() WHERE gid = %s AND branch_id IN ('', %s)",
            (gid, branch_id),
        )

    async def of_orders(self, tx: Tx, order_id: str) -> int | None:
        found = await fetch(tx, "SELECT id FROM pay WHERE order_id = %s", (order_id,))
        return int(found[0][0]) if found else None

    async def _open_again(self, tx: Tx, gid: str, payment: Payment, branch_id: str) -> Fault | None:
        sql = "SELECT order_id, gid, status, deleted_at IS NOT NULL FROM pay WHERE order_id = %s FOR UPDATE"
        [(order_id, owner, status, hidden)] = await fetch(tx, sql, (payment.order_id,))
        if (order_id, owner) == (payment.order_id, gid):
            return None
        if status != REVERTED or order_id != payment.order_id:  # MySQL's unique key ignores blanks at the end
            return Fault(payment.order_id, *refusals.PAYMENT_EXISTS(order=payment.order_id))
        await execute(
            tx,
            f"UPDATE pay SET status = {AWAITING_PAYMENT}, gid = %s, branch_id = %s, user_id = %s, amount = %s,"
            " deleted_at = NULL, updated_at = NOW() WHERE order_id = %s",
            (gid, branch_id, payment.user_id, payment.amount, payment.order_id),
        )
        note_moved(tx, PAY.name, hidden)
        return None
