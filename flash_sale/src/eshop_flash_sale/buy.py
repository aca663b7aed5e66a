"""Buying units of a flash sale: the story of a two-phase message.

Buyers of one product who come at the same time go together: prepare at DTM, one call to Redis that decides for each of
them under the barrier, submit. DTM then delivers their orders to the queue. If this process dies on the way, DTM checks
back: units were taken and the orders follow, or they were not and never will be.
"""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from redis.exceptions import RedisError

from aiodtm import Barrier, BranchRefused, Dtm, Message, random_gid
from eshop_chassis.coalescer import Coalescer, Pending
from eshop_chassis.crash_points import crash_point
from eshop_chassis.dtm import branch_headers, branch_url
from eshop_chassis.logs import get_logger
from eshop_chassis.order_ids import OrderIds
from eshop_flash_sale.sale import CODES, LIMIT_REACHED, NOT_ON_SALE, Sales, Take, Taken
from eshop_protos.flash_sale.v1 import flash_sale_pb2 as pb
from eshop_protos.flash_sale.v1.flash_sale_api import FlashSaleApi
from eshop_protos.order.v1 import order_pb2
from eshop_protos.order.v1.order_api import OrderApi
from protoc_gen_fastapi.runtime import Call, Refused, RpcError, Unavailable
from protoc_gen_fastapi.runtime.call import REQUEST_ID

log = get_logger(__name__)
SOLD_OUT_MESSAGE = "销售完毕"
MOST_BUYERS = 500
# DTM keeps 65,535 bytes of a message's payload. A buyer takes 75 of them at most, and as many as the request id has.
MOST_BYTES = 65_000
BYTES_OF_BUYER = 80
MOST_IDLE_LANES = 1_000
CLOSED_WAIT_SECONDS = 2.0
LOOK_AGAIN_SECONDS = 0.1


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
    headers: dict[str, str]
    keyed: bool = False
    again: bool = False

    def to_message(self) -> pb.SendSubmitOrderNotifyRequest:
        """The order as the queue's branch takes it."""
        return pb.SendSubmitOrderNotifyRequest(
            userID=self.user_id,
            productID=self.product_id,
            productCount=1,
            amount=self.amount,
            orderID=self.order_id,
            requestID=self.headers.get("x-request-id", ""),
        )

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


class Buying:
    """Sells units of flash sales, in lanes of their own for each product."""

    def __init__(
        self,
        sales: Sales,
        dtm: Dtm,
        ids: OrderIds,
        orders: OrderApi,
        *,
        address: str,
        wait_seconds: float,
        lanes: int,
    ) -> None:
        self._sales = sales
        self._orders = orders
        self._dtm = dtm
        self._ids = ids
        self._address = address
        self._wait_seconds = wait_seconds
        self._lanes_each = lanes
        self._lanes: dict[int, Coalescer[Buyer, Accepted]] = {}
        self._aborting: set[asyncio.Task[None]] = set()

    async def buy(self, request: pb.FlashSaleRequest, call: Call) -> Accepted:
        """Buys one unit. Raises Refused when sold out, not on sale, or beyond the limit per user."""
        order_id = self._ids.new("f")
        buyer = Buyer(order_id, request.userID, request.productID, request.amount, branch_headers(call))
        return await self._lane(request.productID).call(buyer)

    async def buy_many(
        self, requests: Sequence[pb.FlashSaleRequest], request_ids: Sequence[str]
    ) -> Sequence[Accepted | Exception]:
        """Buys a unit for each of several buyers; returns what became of each, in their order."""
        buyers = [
            Buyer(self._ids.new("f"), r.userID, r.productID, r.amount, {REQUEST_ID: request_id})
            for r, request_id in zip(requests, request_ids, strict=True)
        ]
        of_product: dict[int, list[Buyer]] = defaultdict(list)
        for buyer in buyers:
            of_product[buyer.product_id].append(buyer)
        parts = await asyncio.gather(*(self._lane(p).call_many(group) for p, group in of_product.items()))
        if len(parts) == 1:
            return parts[0]
        groups = zip(of_product.values(), parts, strict=True)
        found = {b.order_id: answer for group, answers in groups for b, answer in zip(group, answers, strict=True)}
        return [found[buyer.order_id] for buyer in buyers]

    async def buy_keyed(self, request: pb.FlashSaleRequest, call: Call, order_id: str, *, again: bool) -> Accepted:
        """Buys one unit for this order, once however often it is called; `again` where it may have been before."""
        headers = branch_headers(call)
        buyer = Buyer(order_id, request.userID, request.productID, request.amount, headers, keyed=True, again=again)
        return await self._lane(request.productID).call(buyer)

    def _lane(self, product_id: int) -> Coalescer[Buyer, Accepted]:
        lane = self._lanes.get(product_id)
        if lane is None:
            if len(self._lanes) >= MOST_IDLE_LANES:
                self._lanes = {p: lane for p, lane in self._lanes.items() if not lane.idle}
            lane = Coalescer(
                "flash_sale",
                self._sell,
                lanes=self._lanes_each,
                max_items=MOST_BUYERS,
                weigh=_weight,
                max_weight=MOST_BYTES,
            )
            self._lanes[product_id] = lane
        return lane

    async def _sell(self, batch: Batch) -> None:
        """Sells to the buyers of one product; each gets their own answer."""
        product_id = batch[0].item.product_id
        code = await self._sales.surely_refuses(product_id)
        if code is not None:
            for pending in batch:
                if not pending.item.again:
                    pending.fail(refused(code, product_id))
            batch = [pending for pending in batch if pending.item.again]
        if not batch:
            return
        message = self._message(product_id, [pending.item for pending in batch])
        crash_point("before_prepare")
        await message.prepare()
        crash_point("before_take")
        taken = await self._take(message, product_id, [pending.item for pending in batch])
        for pending in batch:
            code = taken.refused.get(pending.item.order_id)
            if code is not None:
                pending.fail(refused(code, product_id))
        if taken.accepted:
            await self._submit(message, batch)
        else:
            self._abort(message)

    async def _submit(self, message: Message, batch: Batch) -> None:
        crash_point("before_submit")
        outcome = await message.submit(self._wait_seconds)
        crash_point("after_submit")
        if outcome.status == "failed":
            raise Unavailable("the shop could not take this order; try again")
        queued = outcome.status == "succeed"
        if not queued:
            await self._note_running([pending.item for pending in batch if pending.open])
        for pending in batch:
            pending.resolve(Accepted(pending.item.order_id, queued))

    async def _note_running(self, buyers: Sequence[Buyer]) -> None:
        """Redis may lose what is not in the queue yet; what a buyer was told of must be placed all the same."""
        orders = [buyer.to_order() for buyer in buyers]
        if orders:
            await self._orders.note_running_many(order_pb2.NoteRunningManyRequest(orders=orders), Call.local())

    async def _take(self, message: Message, product_id: int, buyers: Sequence[Buyer]) -> Taken:
        """Takes the units. A reply that is lost is asked for once more, which repeats the stored answer."""
        takes = [Take(buyer.order_id, buyer.user_id, 1, buyer.keyed) for buyer in buyers]
        barrier = Barrier.of_message(message.gid)
        try:
            return await self._take_when_open(barrier, product_id, takes)
        except RedisError:
            return await self._take_when_open(barrier, product_id, takes)
        except BranchRefused as error:  # DTM checked back before the units were taken, and will not ask again
            raise Unavailable("the shop could not take this order; try again") from error
        except RpcError:
            self._abort(message)
            raise

    async def _take_when_open(self, barrier: Barrier, product_id: int, takes: Sequence[Take]) -> Taken:
        """Waits a moment while the sale is being set."""
        deadline = asyncio.get_running_loop().time() + CLOSED_WAIT_SECONDS
        while True:
            try:
                return await self._sales.take(barrier, product_id, takes, each=True)
            except Unavailable:
                if asyncio.get_running_loop().time() > deadline:
                    raise
            await asyncio.sleep(LOOK_AGAIN_SECONDS)

    def _message(self, product_id: int, buyers: Sequence[Buyer]) -> Message:
        message = self._dtm.message(
            random_gid(f"-{product_id}"),
            check_back=branch_url(self._address, FlashSaleApi.redis_query_prepared),
            headers=buyers[0].headers,
        )
        message.step(
            branch_url(self._address, FlashSaleApi.send_submit_order_notify_many),
            pb.SendSubmitOrderNotifyManyRequest(orders=[buyer.to_message() for buyer in buyers]),
        )
        return message

    def _abort(self, message: Message) -> None:
        """Tells DTM beside the answer that nothing will come; should that be lost, the check-back tells it."""
        task = asyncio.create_task(message.abort())
        self._aborting.add(task)
        task.add_done_callback(self._aborted)

    def _aborted(self, task: "asyncio.Task[None]") -> None:
        self._aborting.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.info("a message is left to its check-back", why=str(error))


def refused(code: str, product_id: int) -> Refused:
    """The refusal that a buyer sees."""
    texts = {
        NOT_ON_SALE: f"product {product_id} is not on flash sale",
        LIMIT_REACHED: "you have bought as many units of this flash sale as one buyer may",
    }
    return Refused(texts.get(code, SOLD_OUT_MESSAGE), code=CODES[code], short=code)


def _weight(buyer: Buyer) -> int:
    return BYTES_OF_BUYER + len(buyer.headers.get(REQUEST_ID, ""))


def product_of(gid: str) -> int:
    """The product that a message's gid tells. Raises ValueError for a gid that this service did not make."""
    return int(gid.rpartition("-")[2])
