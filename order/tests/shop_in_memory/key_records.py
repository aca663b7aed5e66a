"""The records of idempotency keys that flash sales keep, in memory."""

from dataclasses import dataclass

from eshop_flash_sale.idempotency import Claim, Known


@dataclass
class _Record:
    claim: Claim
    order_id: str
    until: float
    answer: str = ""
    counts: bool = True


class MemoryKeyRecords:
    """Keeps keys as `KeyRecords` does. `now` is its clock, in seconds."""

    def __init__(self, *, lease_seconds: float = 9.0, most_per_user: int = 1000) -> None:
        self.now = 0.0
        self.records: dict[str, _Record] = {}
        self._lease_seconds = lease_seconds
        self._most_per_user = most_per_user

    async def claim(self, claim: Claim) -> Known:
        record = self.records.get(claim.record)
        if record is None and not claim.makes_record:
            return Known("absent", "", "")
        if record is None and self._count(claim.user) >= self._most_per_user:
            return Known("many", "", "")
        if record is None:
            self.records[claim.record] = _Record(claim, claim.order_id, self.now + self._lease_seconds)
            return Known("claimed", claim.order_id, "")
        if record.claim.body != claim.body:
            return Known("other", "", "")
        if record.answer:
            return Known("answered", record.order_id, record.answer)
        if record.until > self.now and record.claim.token != claim.token:
            return Known("running", record.order_id, "")
        record.claim, record.until = claim, self.now + self._lease_seconds
        return Known("again", record.order_id, "")

    async def answer(self, claim: Claim, order_id: str, answer: str, *, refused: bool = False) -> None:
        self.records[claim.record] = _Record(claim, order_id, 0, answer, not refused)

    async def let_go(self, claim: Claim) -> None:
        if claim.record in self.records:
            self.records[claim.record].until = 0

    def _count(self, user: str) -> int:
        return sum(record.counts and record.claim.user == user for record in self.records.values())
