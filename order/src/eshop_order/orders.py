"""An order to place, what can become of it, and where orders are kept."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from eshop_chassis.dtm import Fault
from eshop_chassis.mysql import Tx
from eshop_contract import refusals
from eshop_protos.order.v1 import order_pb2

CLAIMED_ELSEWHERE = refusals.CLAIMED_ELSEWHERE.short
ALREADY_FINAL = refusals.ALREADY_FINAL.short
AWAITING_PAYMENT, DONE, CANCELLED = 1, 4, 5
State = Literal["placing", "claimed", "confirmed", "reverted", "cancelled"]


@dataclass(frozen=True)
class NewOrder:
    """An order to place; `amount` in cents, `coupon_id` 0 for none."""

    order_id: str
    user_id: int
    product_id: int
    product_count: int
    amount: int
    coupon_id: int = 0

    @property
    def flash_taken(self) -> bool:
        """True for an order of a flash sale: its units left Redis before. Such ids begin with f."""
        return self.order_id.startswith("f")

    def to_message(self) -> order_pb2.CreateOrderRequest:
        """The order as the branches take it."""
        return order_pb2.CreateOrderRequest(
            orderID=self.order_id,
            userID=self.user_id,
            productID=self.product_id,
            productCount=self.product_count,
            amount=self.amount,
            couponID=self.coupon_id,
        )

    @classmethod
    def from_message(cls, message: "order_pb2.CreateOrderRequest | order_pb2.CreateOrderRevertRequest") -> "NewOrder":
        return cls(
            message.orderID,
            message.userID,
            message.productID,
            message.productCount,
            message.amount,
            message.couponID,
        )


@dataclass(frozen=True)
class Final:
    """How an order ended: confirmed, or refused with a short code and a sentence for the buyer."""

    confirmed: bool
    code: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Row:
    """What the store knows of an order."""

    order: NewOrder
    state: State
    gid: str
    suite: bool
    code: str
    reason: str

    @property
    def final(self) -> Final | None:
        """How the order ended, once it has."""
        if self.state == "confirmed":
            return Final(True)
        return Final(False, self.code, self.reason) if self.state == "cancelled" else None


class Orders(Protocol):
    """The orders, from claim to final. Every method is given a transaction and never commits."""

    async def claim(
        self, tx: Tx, gid: str, orders: Sequence[NewOrder], *, suite: bool, branch_id: str = ""
    ) -> list[Fault]:
        """Claims all orders for `gid`, or returns why not, and then the transaction must be rolled back.

        Only a row that no transaction owns can be claimed: an absent one, one that was only noted (placing), a reverted
        one; or one that bears this gid already.
        """
        ...

    async def note_running(self, tx: Tx, gid: str, orders: Sequence[NewOrder]) -> None:
        """Makes sure that orders have rows before their ids are handed out as running."""
        ...

    async def revert(self, tx: Tx, gid: str, order_ids: Collection[str]) -> None:
        """Frees orders that `gid` gave up: only rows of this gid."""
        ...

    async def undo(self, tx: Tx, gid: str, branch_id: str) -> None:
        """Undoes `claim`: frees all orders that this branch claimed, and no other."""
        ...

    async def confirm(self, tx: Tx, gid: str) -> None:
        """Makes the orders of a saga that succeeded final."""
        ...

    async def cancel(self, tx: Tx, gid: str, refused: Sequence[tuple[NewOrder, Fault]]) -> set[str]:
        """Makes orders that `gid` gave up final, with their reason, and returns which.

        One that was refused before it had a row gets one, so that its outcome can be asked for. One that another
        transaction has claimed since is left alone.
        """
        ...

    async def find(self, tx: Tx, order_ids: Collection[str], *, lock: bool = False) -> Mapping[str, Row]:
        """The rows of these orders by order id, whatever their state; absent ones are absent."""
        ...

    async def by_order_id(self, tx: AsyncConnection, order_id: str) -> order_pb2.Order | None:
        """The order as clients see it; None while it is not shown."""
        ...

    async def left_behind(self, tx: Tx, seconds: int) -> Sequence[Row]:
        """Orders whose placer has not brought them to an end for so long that it may have died."""
        ...

    async def note_dead_letter(self, tx: Tx, order_id: str, position: str, reason: str) -> None:
        """Notes that an order's message was put aside, and why; the latest reason counts."""
        ...

    async def dead_letter(self, tx: Tx, order_id: str) -> str | None:
        """Why an order's message was put aside; None where it was not."""
        ...

    async def note_return(self, tx: Tx, order: NewOrder, *, resell: bool) -> None:
        """Notes, with the cancellation, that the units of a flash-sale order go back."""
        ...

    async def returns(self, tx: Tx) -> Sequence[tuple[str, int, bool]]:
        """(order, product, resell) of units that Redis has not got back yet."""
        ...

    async def returned(self, tx: Tx, order_ids: Collection[str]) -> None:
        """Forgets returns that Redis has."""
        ...
