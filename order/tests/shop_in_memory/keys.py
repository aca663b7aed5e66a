"""The store of idempotency keys in memory."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from eshop_chassis.mysql import Tx
from eshop_order.idempotency.keys import MOST_FORGOTTEN, Claim, Known
from shop_in_memory.database import data_of

KEPT_SECONDS = 2 * 24 * 3600


@dataclass(frozen=True)
class _Kept:
    claim: Claim
    answer: str
    claimed: float
    created: float


class MemoryKeys:
    """Keeps keys as `Keys` asks. `now` is its clock, in seconds."""

    def __init__(self) -> None:
        self.now = 0.0

    async def claim(self, tx: Tx, claims: Sequence[Claim]) -> set[str]:
        table, claimed = _keys(tx), set[str]()
        for claim in claims:
            if _name(claim) not in table:
                table[_name(claim)] = _Kept(claim, "", self.now, self.now)
                claimed.add(claim.order_id)
        return claimed

    async def find(self, tx: Tx, claim: Claim, lease_seconds: float) -> Known | None:
        kept = _keys(tx).get(_name(claim))
        if kept is None:
            return None
        order = data_of(tx).get("order", {}).get(kept.claim.order_id)
        final = order.row.final if order else None
        return Known(kept.claim.order_id, kept.claim.body, kept.answer, self._fresh(kept, lease_seconds), final)

    async def take_over(self, tx: Tx, order_id: str, lease_seconds: float) -> bool:
        kept = self._of(tx, order_id)
        if kept is None or kept.answer or self._fresh(kept, lease_seconds):
            return False
        self._put(tx, replace(kept, claimed=self.now))
        return True

    async def let_go(self, tx: Tx, order_id: str) -> None:
        kept = self._of(tx, order_id)
        if kept is not None and not kept.answer:
            self._put(tx, replace(kept, claimed=float("-inf")))

    async def answer(self, tx: Tx, answers: Sequence[tuple[str, str]]) -> None:
        for order_id, answer in answers:
            kept = self._of(tx, order_id)
            if kept is not None:
                self._put(tx, replace(kept, answer=answer))

    async def forget(self, tx: Tx) -> int:
        old = [name for name, kept in _keys(tx).items() if kept.created < self.now - KEPT_SECONDS][:MOST_FORGOTTEN]
        for name in old:
            del _keys(tx)[name]
        return len(old)

    def _fresh(self, kept: _Kept, lease_seconds: float) -> bool:
        return kept.claimed > self.now - lease_seconds

    def _of(self, tx: Tx, order_id: str) -> _Kept | None:
        return next((kept for kept in _keys(tx).values() if kept.claim.order_id == order_id), None)

    def _put(self, tx: Tx, kept: _Kept) -> None:
        _keys(tx)[_name(kept.claim)] = kept


def _name(claim: Claim) -> tuple[int, str, str]:
    return (claim.user_id, claim.key, claim.operation)


def _keys(tx: Tx) -> dict[tuple[int, str, str], _Kept]:
    return data_of(tx).setdefault("idempotency_key", {})
