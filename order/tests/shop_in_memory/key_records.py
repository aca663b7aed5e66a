"""The records of idempotency keys that flash sales keep, in memory."""

from dataclasses import dataclass

from eshop_flash_sale.idempotency import Claim, Known


@dataclass
class _Record:
    claim: Claim
    order_id: str
    until: float
    answer: str = ""


class MemoryKeyRecords:
    """Keeps keys as `KeyRecords` does. `now` is its clock, in seconds."""

    def __init__(self, *, lease_seconds: float = 9.0) -> None:
        self.now = 0.0
        self.records: dict[str, _Record] = {}
        self._lease_seconds = lease_seconds

    async def claim(self, claim: Claim) -> Known:
        record = self.records.get(claim.record)
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

    async def answer(self, claim: Claim, order_id: str, answer: str) -> None:
        self.records[claim.record] = _Record(claim, order_id, 0, answer)

    async def let_go(self, claim: Claim) -> None:
        if claim.record in self.records:
            self.records[claim.record].until = 0
