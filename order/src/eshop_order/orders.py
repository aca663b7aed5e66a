"""An order to place, and what can become of it."""

from dataclasses import dataclass
from typing import Literal

from eshop_contract import refusals
from eshop_protos.order.v1 import order_pb2

CLAIMED_ELSEWHERE = refusals.CLAIMED_ELSEWHERE.short
ALREADY_FINAL = refusals.ALREADY_FINAL.short
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
