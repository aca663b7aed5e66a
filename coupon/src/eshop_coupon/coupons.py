"""Coupons that orders use, and where they are kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from eshop_chassis.dtm import Fault
from eshop_chassis.mysql import Tx

UNUSED, USED, EXPIRED = 1, 2, 3


@dataclass(frozen=True)
class Use:
    """A coupon to use for an order. `user_id` 0 skips the owner check."""

    coupon_id: int
    user_id: int
    order_id: str


class Coupons(Protocol):
    """The coupons; each is used at most once. Every method is given a transaction and never commits."""

    async def use(self, tx: Tx, gid: str, uses: Sequence[Use], branch_id: str = "") -> list[Fault]:
        """Marks the coupons as used. Where any can't be, returns why, and the transaction must be rolled back."""
        ...

    async def check(self, tx: Tx, uses: Sequence[Use]) -> list[Fault]:
        """Why `use` would fail as things stand; empty where it would not."""
        ...

    async def give_back(self, tx: Tx, gid: str, branch_id: str = "") -> None:
        """Undoes `use`: all coupons that this branch used, and no other."""
        ...
