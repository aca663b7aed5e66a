"""The payment store in memory."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from eshop_chassis.dtm import Fault
from eshop_chassis.mysql import Tx
from eshop_pay.payments import AWAITING_PAYMENT, REVERTED, Payment
from shop_in_memory.database import data_of


@dataclass(frozen=True)
class Kept:
    id: int
    payment: Payment
    status: int
    gid: str
    branch_id: str = ""


class MemoryPayments:
    """Keeps payments as `Payments` asks."""

    async def open(self, tx: Tx, gid: str, payments: Sequence[Payment], branch_id: str = "") -> list[Fault]:
        table = kept_payments(data_of(tx))
        faults: list[Fault] = []
        for payment in sorted(payments, key=lambda p: p.order_id):
            kept = table.get(payment.order_id)
            if kept and kept.status != REVERTED and kept.gid != gid:
                faults.append(Fault(payment.order_id, "PAYMENT_EXISTS", "it has one"))
            elif kept is None or kept.gid != gid:
                row_id = kept.id if kept else len(table) + 1
                table[payment.order_id] = Kept(row_id, payment, AWAITING_PAYMENT, gid, branch_id)
        return faults

    async def revert(self, tx: Tx, gid: str, branch_id: str = "") -> None:
        table = kept_payments(data_of(tx))
        for order_id, kept in table.items():
            if (kept.gid, kept.branch_id) == (gid, branch_id):
                table[order_id] = replace(kept, status=REVERTED)

    async def of_orders(self, tx: Tx, order_id: str) -> int | None:
        kept = kept_payments(data_of(tx)).get(order_id)
        return kept.id if kept else None


def kept_payments(data: dict[str, dict[str, Kept]]) -> dict[str, Kept]:
    """The payments in a database's data, by order."""
    return data.setdefault("pay", {})
