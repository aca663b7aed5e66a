"""Payments of orders, and where they are kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from eshop_chassis.dtm import Fault
from eshop_chassis.mysql import Tx

AWAITING_PAYMENT, PAID, REVERTED = 1, 2, 3


@dataclass(frozen=True)
class Payment:
    """The payment of one order; `amount` in cents."""

    user_id: int
    order_id: str
    amount: int


class Payments(Protocol):
    """The payments; each live order has exactly one. A reverted one gives way to the next try of the same order.

    Every method is given a transaction and never commits.
    """

    async def open(self, tx: Tx, gid: str, payments: Sequence[Payment], branch_id: str = "") -> list[Fault]:
        """Opens the payments, or returns which orders have a live one; then the transaction must be rolled back."""
        ...

    async def revert(self, tx: Tx, gid: str, branch_id: str = "") -> None:
        """Undoes `open`: all payments that this branch opened, and no other."""
        ...

    async def of_orders(self, tx: Tx, order_id: str) -> int | None:
        """The id of an order's payment."""
        ...
