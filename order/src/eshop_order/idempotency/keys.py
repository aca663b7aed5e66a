"""The records of idempotency keys: what a request claims, and what is known of a key that was claimed before."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from eshop_chassis.mysql import Tx
from eshop_order.orders import Final

Operation = Literal["submit", "notify"]
MOST_FORGOTTEN = 500


@dataclass(frozen=True)
class Claim:
    """A key as a request claims it: of one user and one operation, for one body and the order it would be."""

    operation: Operation
    user_id: int
    key: str
    body: str
    order_id: str


@dataclass(frozen=True)
class Known:
    """What a key's record says.

    `answer` is "" until one was given, `final` how the order ended, `fresh` whether the claimant may still be at it.
    """

    order_id: str
    body: str
    answer: str
    fresh: bool
    final: Final | None


class Keys(Protocol):
    """The records, one for each user, key and operation. Every method is given a transaction and never commits."""

    async def claim(self, tx: Tx, claims: Sequence[Claim]) -> set[str]:
        """Claims the keys that nobody has claimed; returns the orders whose claim it was."""
        ...

    async def find(self, tx: Tx, claim: Claim, lease_seconds: float) -> Known | None:
        """The record that stands in the way of `claim`."""
        ...

    async def take_over(self, tx: Tx, order_id: str, lease_seconds: float) -> bool:
        """Claims a record whose claimant let it go or died; False where somebody else was quicker."""
        ...

    async def let_go(self, tx: Tx, order_id: str) -> None:
        """Lets somebody else take an unanswered record over at once."""
        ...

    async def answer(self, tx: Tx, answers: Sequence[tuple[str, str]]) -> None:
        """Notes what was answered, given as (order, answer)."""
        ...

    async def forget(self, tx: Tx) -> int:
        """Deletes some records that are older than they need be; returns how many."""
        ...
