"""Buying units of flash sales: the story of a two-phase message.

Buyers who come at the same time go together: prepare at DTM, one round trip to Redis that decides for each of them
under the barrier; the accepted orders go to the queue, and their buyers are told; submit. If this process dies on the
way, DTM checks back: units were taken and DTM has their orders delivered to the queue, or none were and never will be.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from redis.exceptions import RedisError

from aiodtm import AiodtmError, Message
from eshop_chassis import crash_point, get_logger
from eshop_chassis.calls import Coalescer, Pending
from eshop_contract import OrderIds, Refusal, refusals
from eshop_flash_sale.buying.messages import Messages, together
from eshop_flash_sale.delivery.delivery import Delivery, Unit
from eshop_flash_sale.sale.sales import SALE_CLOSED, UNDONE, Sales, Take, Taken
from eshop_protos.flash_sale.v1 import flash_sale_pb2 as pb
from eshop_protos.order.v1 import order_pb2
from eshop_protos.order.v1.order_api import OrderApi
from protoc_gen_fastapi.runtime import Call, RpcError, Unavailable

log = get_logger(__name__)
MOST_BUYERS = 500
MOST_SELLING = 10_000
CLOSED_WAIT_SECONDS = 2.0
LOOK_AGAIN_SECONDS = 0.1
LEAST_WAIT_SECONDS = 0.5
FINISH_SECONDS = 2.0
# Buyers of a batch this small are told before DTM is.
FEW = 4


@dataclass(frozen=True)
class Accepted:
    """A unit that is the buyer's; `queued` once the queue has the order."""

    order_id: str
    queued: bool


@dataclass(frozen=True)
class Buyer:
    """Somebody who wants one unit; `order_id` names the order that it will be.

    `keyed`: the request may be repeated; `again`: it is a repetition, whose unit may be taken already.
    """

    order_id: str
    user_id: int
    product_id: int
    amount: int
    request_id: str
    keyed: bool = False
    again: bool = False

    def to_take(self) -> Take:
        """The unit as the sale takes it."""
        return Take(self.order_id, self.user_id, 1, self.keyed, self.amount, self.request_id)

    def to_unit(self) -> Unit:
        """The unit as the delivery takes it."""
        return self.product_id, self.to_take()

    def to_order(self) -> order_pb2.CreateOrderRequest:
        """The order as the order service takes it."""
        return order_pb2.CreateOrderRequest(
            orderID=self.order_id,
            userID=self.user_id,
            productID=self.product_id,
            productCount=1,
            amount=self.amount,
        )


Batch = Sequence[Pending[Buyer, Accepted]]


class SaleClosedError(Unavailable):
    """The sale is being set; nothing was taken."""

    def __init__(self) -> None:
        super().__init__(SALE_CLOSED.reason, short=SALE_CLOSED.short)


class Buying:
    """Sells units of flash sales. Buyers of all products share the batches."""

    def __init__(
        self,
        sales: Sales,
        messages: Messages,
        delivery: Delivery,
        ids: OrderIds,
        orders: OrderApi,
        *,
        wait_seconds: float,
        lanes: int,
    ) -> None:
        self._sales = sales
        self._messages = messages
        self._delivery = delivery
        self._orders = orders
        self._ids = ids
        self._wait_seconds = wait_seconds
        self._selling: set[int] = set()
        self._lanes: Coalescer[Buyer, Accepted] = Coalescer(
            "flash_sale", self._sell, lanes=lanes, max_items=MOST_BUYERS
        )

    async def buy(self, request: pb.FlashSaleRequest, call: Call) -> Accepted:
        """Buys one unit. Raises Refused when sold out, not on sale, or beyond the limit per user."""
        return await self._one(_buyer(request, self._ids.new("f"), call.request_id))

    async def buy_many(
        self, requests: Sequence[pb.FlashSaleRequest], request_ids: Sequence[str]
    ) -> Sequence[Accepted | Exception]:
        """Buys a unit for each of several buyers; returns what became of each, in their order."""
        pairs = zip(requests, request_ids, strict=True)
        return await self._each([_buyer(request, self._ids.new("f"), request_id) for request, request_id in pairs])

    async def buy_keyed(self, request: pb.FlashSaleRequest, call: Call, order_id: str, *, again: bool) -> Accepted:
        """Buys one unit for this order, once however often it is called; `again` where it may have been before."""
        return await self._one(_buyer(request, order_id, call.request_id, keyed=True, again=again))

    async def is_on_sale(self, product_id: int) -> bool:
        """Whether there is a flash sale of this product, even if it is sold out."""
        if product_id in self._selling:
            return True
        refusal = (await self._sales.at_sight([product_id])).get(product_id)
        return refusal is None or refusal.short != refusals.NOT_ON_SALE.short

    async def _one(self, buyer: Buyer) -> Accepted:
        [answer] = await self._each([buyer])
        if isinstance(answer, Exception):
            # One error may be the answer of many calls: each would add its own traceback to those before.
            raise answer.with_traceback(None)
        return answer

    async def _each(self, buyers: Sequence[Buyer]) -> Sequence[Accepted | Exception]:
        """What becomes of each. Those whose sale is being set come again for a moment, in other batches."""
        answers = list(await self._lanes.call_many(buyers))
        deadline = asyncio.get_running_loop().time() + CLOSED_WAIT_SECONDS
        pause = LOOK_AGAIN_SECONDS
        while closed := [n for n, answer in enumerate(answers) if isinstance(answer, SaleClosedError)]:
            if asyncio.get_running_loop().time() + pause > deadline:
                break
            await asyncio.sleep(pause)
            pause *= 2
            again = await self._lanes.call_many([buyers[n] for n in closed])
            for n, answer in zip(closed, again, strict=True):
                answers[n] = answer
        return answers

    async def _sell(self, batch: Batch) -> None:
        """Sells to these buyers; each gets their own answer."""
        parts = list(_parts(await self._not_refused_at_sight(batch)))
        if len(parts) == 1:
            await self._sell_by_message(parts[0])
        elif parts:
            await asyncio.gather(*map(self._sell_part, parts))

    async def _not_refused_at_sight(self, batch: Batch) -> Batch:
        """Sold out is answered without DTM. Who comes again may have their unit already, and is not judged here.

        Products of which the last batch refused nobody are not looked at: it would be in vain, and a round trip.
        """
        unsure = {pending.item.product_id for pending in batch} - self._selling
        refused = await self._sales.at_sight(list(unsure)) if unsure else {}
        if not refused:
            return batch
        left: list[Pending[Buyer, Accepted]] = []
        errors = _Errors()
        for pending in batch:
            refusal = refused.get(pending.item.product_id)
            if refusal is None or pending.item.again:
                left.append(pending)
            else:
                pending.fail(errors[refusal])
        return left

    async def _sell_part(self, batch: Batch) -> None:
        """Like `_sell_by_message`, but an error is the answer of these buyers and of no others."""
        try:
            await self._sell_by_message(batch)
        except Exception as error:
            for pending in batch:
                pending.fail(error)

    async def _sell_by_message(self, batch: Batch) -> None:
        crash_point("before_prepare")
        message = await self._messages.prepared({pending.item.product_id for pending in batch})
        crash_point("before_take")
        begun = time.monotonic()
        with self._delivery.under_way():
            taken = await self._take(message, [pending.item for pending in batch])
            accepted = self._answer_refused(batch, taken)
            if not accepted:
                self._messages.abort(message)
                return
            self._messages.prepare_ahead()
            queued = await self._delivery.write(message.gid, [p.item.to_unit() for p in accepted], self._left(begun))
        if not queued:
            await self._leave_to_dtm(message, accepted)
        elif len(accepted) <= FEW:
            _answer_accepted(accepted, queued=True)
            await self._finish(message)
        else:
            # Answer the whole batch at once: its clients retry together and form one large batch again: cheaper.
            await self._finish(message)
            _answer_accepted(accepted, queued=True)

    def _left(self, begun: float) -> float:
        return max(self._wait_seconds - (time.monotonic() - begun), LEAST_WAIT_SECONDS)

    def _answer_refused(self, batch: Batch, taken: Taken) -> Batch:
        """Those who were not refused. What refused nobody is not looked at before it is sold again."""
        self._selling.update(pending.item.product_id for pending in batch)
        accepted: list[Pending[Buyer, Accepted]] = []
        errors = _Errors()
        for pending in batch:
            refusal = taken.refused.get(pending.item.order_id)
            if refusal is None:
                accepted.append(pending)
            else:
                self._selling.discard(pending.item.product_id)
                pending.fail(errors[refusal])
        if len(self._selling) > MOST_SELLING:
            self._selling.clear()
        return accepted

    async def _finish(self, message: Message) -> None:
        """The queue has the orders: DTM's delivery finds it done. Should DTM not hear of it, it checks back."""
        await self._delivery.note(message.gid)
        crash_point("before_submit")
        try:
            await message.submit(FINISH_SECONDS)
        except AiodtmError as error:
            log.info("a message is left to its check-back", why=str(error))
        crash_point("after_submit")

    async def _leave_to_dtm(self, message: Message, accepted: Batch) -> None:
        """The queue is down or slow: DTM goes on writing to it. Others need this lane, so this does not wait."""
        crash_point("before_submit")
        outcome = await message.submit(LEAST_WAIT_SECONDS)
        crash_point("after_submit")
        if outcome.status == "failed":
            raise Unavailable(UNDONE.reason)
        queued = outcome.status == "succeed"
        if not queued:
            await self._note_running([pending.item for pending in accepted if pending.open])
        _answer_accepted(accepted, queued=queued)

    async def _note_running(self, buyers: Sequence[Buyer]) -> None:
        """Redis may lose what is not in the queue yet; what a buyer was told of must be placed all the same."""
        orders = [buyer.to_order() for buyer in buyers]
        if orders:
            await self._orders.note_running_many(order_pb2.NoteRunningManyRequest(orders=orders), Call.local())

    async def _take(self, message: Message, buyers: Sequence[Buyer]) -> Taken:
        """Takes the units. A reply that is lost is asked for once more, which repeats the stored answers."""
        takes: dict[int, list[Take]] = defaultdict(list)
        for buyer in buyers:
            takes[buyer.product_id].append(buyer.to_take())
        try:
            return await self._sales.take_each(message.barrier, takes)
        except RedisError:
            return await self._sales.take_each(message.barrier, takes)


def _answer_accepted(accepted: Batch, *, queued: bool) -> None:
    for pending in accepted:
        pending.resolve(Accepted(pending.item.order_id, queued))


class _Errors(dict[Refusal, RpcError]):
    """The error of each refusal; buyers who are refused for the same reason share one, and one encoded answer."""

    def __missing__(self, refusal: Refusal) -> RpcError:
        error = self[refusal] = _error(refusal)
        return error


def _error(refusal: Refusal) -> RpcError:
    """The error that a buyer sees. UNDONE: DTM checked back before the units were taken, and will not ask again."""
    if refusal == SALE_CLOSED:
        return SaleClosedError()
    return Unavailable(refusal.reason) if refusal == UNDONE else refusal.error()


def _buyer(
    request: pb.FlashSaleRequest, order_id: str, request_id: str, *, keyed: bool = False, again: bool = False
) -> Buyer:
    return Buyer(order_id, request.userID, request.productID, request.amount, request_id, keyed, again)


def _parts(batch: Batch) -> Iterator[Batch]:
    """The batch, cut where it has more products than the gid of one message can name."""
    products = sorted({pending.item.product_id for pending in batch})
    groups = list(together(products))
    if len(groups) == 1:
        yield batch
        return
    for group in map(set, groups):
        yield [pending for pending in batch if pending.item.product_id in group]
