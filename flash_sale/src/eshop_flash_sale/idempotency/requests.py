"""Buying with an idempotency key: each request takes one unit, and its answer is the same ever after.

A key's record is claimed in Redis before anything else is done: whose request it is, what was asked for, and the order
that it is. That order's id is derived from all these, so that a Redis which lost the record with its last second makes
the same order of a repetition, and no second one.

Records cost memory, and anybody may send keys. So a request for a product that is not on sale leaves none, the record
of any other refusal lives for two minutes only, and one user has a limited number of them.
"""

import time
from contextlib import suppress
from hashlib import sha256

from redis.exceptions import RedisError

from eshop_chassis import KEPT_SECONDS, fingerprint, other_request, still_running
from eshop_contract import OrderIds, Refusal, refusals
from eshop_flash_sale.buying.buy import Accepted, Buying
from eshop_flash_sale.idempotency.records import Claim, KeyRecords, Known, record_name
from eshop_flash_sale.sale import refusals_of
from eshop_protos.flash_sale.v1 import flash_sale_pb2 as pb
from protoc_gen_fastapi.runtime import Call, Refused, TooMany

_REFUSED = "refused:"


class KeyedBuying:
    """Buys once for each key of each user."""

    def __init__(self, records: KeyRecords, ids: OrderIds, buying: Buying) -> None:
        self._records = records
        self._ids = ids
        self._buying = buying

    async def buy(self, key: str, request: pb.FlashSaleRequest, call: Call) -> Accepted:
        """Buys one unit, or repeats what was answered.

        Raises what was raised before, Unprocessable where the key was used for another request, Refused (409) while it
        is being answered.
        """
        claim = self._claim(key, request, makes_record=await self._buying.is_on_sale(request.productID))
        known = await self._records.claim(claim)
        if known.state == "absent":
            raise refusals.NOT_ON_SALE(product=request.productID).error()
        if known.state == "many":
            raise TooMany("this user has used too many idempotency keys in two days; buy without one, or wait")
        if known.state == "other":
            raise other_request()
        if known.state == "running":
            raise still_running()
        if known.state == "answered":
            return _answered(known, request.productID)
        return await self._buy(claim, known, request, call)

    async def _buy(self, claim: Claim, known: Known, request: pb.FlashSaleRequest, call: Call) -> Accepted:
        try:
            accepted = await self._buying.buy_keyed(request, call, known.order_id, again=known.state == "again")
        except Refused as refusal:
            answer = f"{_REFUSED}{refusal.short}:{refusal.message}"
            await self._records.answer(claim, known.order_id, answer, refused=True)
            raise
        except BaseException:
            with suppress(RedisError):  # then a repetition goes on when the lease is over
                await self._records.let_go(claim)
            raise
        await self._records.answer(claim, known.order_id, "accepted" if accepted.queued else "running")
        return accepted

    def _claim(self, key: str, request: pb.FlashSaleRequest, *, makes_record: bool = True) -> Claim:
        body, user, whose = fingerprint(request), str(request.userID), f"{request.userID}:{key}"
        # A key whose record may be gone stands for something new: the id changes as often as records are forgotten.
        period = int(time.time()) // KEPT_SECONDS
        record = record_name(user, sha256(key.encode()).hexdigest())
        order_id = self._ids.derived("f", f"{period}:{body}:{whose}")
        return Claim(record, body, order_id, user, makes_record)


def _answered(known: Known, product_id: int) -> Accepted:
    if known.answer.startswith(_REFUSED):
        short, _, reason = known.answer.removeprefix(_REFUSED).partition(":")
        if not reason:  # a record of the release before
            reason = refusals_of(product_id, [("", short)])[""].reason
        raise Refusal(short, reason).error()
    return Accepted(known.order_id, queued=known.answer == "accepted")
