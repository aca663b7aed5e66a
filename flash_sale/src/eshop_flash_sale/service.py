"""The rpcs of the flash-sale service."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from redis.asyncio import Redis

import aiodtm
from eshop_chassis import key_of
from eshop_chassis.calls import answer_many
from eshop_chassis.dtm import Branch, branch_headers
from eshop_contract import OrderIds
from eshop_flash_sale.buying.buy import Accepted, Buying, refused
from eshop_flash_sale.delivery.delivery import Delivery, guards
from eshop_flash_sale.delivery.drain import QueueDrain
from eshop_flash_sale.idempotency.requests import KeyedBuying
from eshop_flash_sale.sale.sales import SOLD_OUT, Sales, Take
from eshop_protos.flash_sale.v1 import flash_sale_pb2 as pb
from eshop_protos.flash_sale.v1.flash_sale_api import FlashSaleApi
from eshop_protos.types import types_pb2
from protoc_gen_fastapi.runtime import Call, Refused


class FlashSaleService(FlashSaleApi):
    """Flash sales: buying, the branches of the message that buying is, and what the stock service needs."""

    def __init__(
        self,
        redis: Redis,
        sales: Sales,
        buying: Buying,
        keyed: KeyedBuying,
        ids: OrderIds,
        drain: QueueDrain,
        delivery: Delivery,
    ) -> None:
        self._drain = drain
        self._delivery = delivery
        self._redis = redis
        self._sales = sales
        self._buying = buying
        self._keyed = keyed
        self._ids = ids

    async def flash_sale(self, request: pb.FlashSaleRequest, call: Call) -> pb.FlashSaleReply:
        key = key_of(call)
        if key is None:
            return _reply(await self._buying.buy(request, call))
        return _reply(await self._keyed.buy(key, request, call))

    async def flash_sale_many(self, request: pb.FlashSaleManyRequest, call: Call) -> pb.FlashSaleManyReply:
        result = pb.FlashSaleManyResult
        results = await answer_many(
            request, request.buyers, call, result, together=self._buy_many, single=self.flash_sale
        )
        return pb.FlashSaleManyReply(results=results)

    async def _buy_many(
        self, buyers: Sequence[pb.FlashSaleRequest], request_ids: Sequence[str]
    ) -> Sequence[pb.FlashSaleReply | Exception]:
        answers = await self._buying.buy_many(buyers, request_ids)
        return [answer if isinstance(answer, Exception) else _reply(answer) for answer in answers]

    async def redis_query_prepared(
        self, request: pb.RedisQueryPreparedRequest, call: Call
    ) -> pb.RedisQueryPreparedReply:
        # Each product is asked, also behind one that was taken: from now on its outcome stands.
        outcomes = [await guard.query_prepared(self._redis) for guard in guards(Branch(call).barrier)]
        if not any(outcome.state == "ok" for outcome in outcomes):
            raise Refused("nothing was taken for this message", short="NOT_TAKEN")
        return pb.RedisQueryPreparedReply()

    async def send_submit_order_notify(
        self, request: pb.SendSubmitOrderNotifyRequest, call: Call
    ) -> pb.SendSubmitOrderNotifyReply:
        """As DTM's delivery: only an order whose unit was taken. Called by anybody else: an ordinary buffered order."""
        if "dtm-gid" in call.metadata:
            await self._delivery.deliver_one(Branch(call).barrier, request, call.request_id)
            return pb.SendSubmitOrderNotifyReply(orderID=request.orderID)
        order_id = self._ids.new("b")
        await self._delivery.write_one(order_id, request, branch_headers(call))
        return pb.SendSubmitOrderNotifyReply(orderID=order_id)

    async def send_submit_order_notify_many(
        self, request: pb.SendSubmitOrderNotifyManyRequest, call: Call
    ) -> pb.SendSubmitOrderNotifyManyReply:
        await self._delivery.deliver(Branch(call).barrier, call.request_id)
        return pb.SendSubmitOrderNotifyManyReply()

    async def take_many(self, request: pb.TakeManyRequest, call: Call) -> pb.TakeManyReply:
        refusals: list[types_pb2.Refusal] = []
        for product_id, items in _by_product(request.items).items():
            barrier = _part_of_branch(request, "action")
            taken = await self._sales.take(barrier, product_id, [_take(i) for i in items], each=False)
            refusals += [_refusal(item, taken.refused[item.orderID]) for item in items if item.orderID in taken.refused]
        return pb.TakeManyReply(refusals=refusals)

    async def take_many_revert(self, request: pb.TakeManyRequest, call: Call) -> pb.TakeManyReply:
        for product_id in _by_product(request.items):
            await self._sales.give_back(_part_of_branch(request, "compensate"), product_id)
        return pb.TakeManyReply()

    async def close_sale(self, request: pb.CloseSaleRequest, call: Call) -> pb.CloseSaleReply:
        version, unsettled = await self._sales.close(request.productID, request.token)
        items = [
            pb.TakeItem(orderID=t.ref, userID=t.user_id, productID=request.productID, productCount=t.count)
            for t in unsettled
        ]
        return pb.CloseSaleReply(version=version, unsettled=items)

    async def open_sale(self, request: pb.OpenSaleRequest, call: Call) -> pb.OpenSaleReply:
        version = await self._sales.open(
            request.productID,
            request.token,
            request.version,
            request.stock,
            request.perUserLimit,
            request.runID,
            keep_buyers=request.keepBuyers,
        )
        return pb.OpenSaleReply(version=version)

    async def get_run(self, request: pb.GetRunRequest, call: Call) -> pb.GetRunReply:
        run_id = await self._sales.run_id(fresh=True)
        return pb.GetRunReply(runID=run_id, drained=request.queue and await self._drain.done(run_id))

    async def settle_units(self, request: pb.SettleUnitsRequest, call: Call) -> pb.SettleUnitsReply:
        by_product: dict[int, list[tuple[str, bool]]] = defaultdict(list)
        for unit in request.units:
            by_product[unit.productID].append((unit.orderID, unit.resell))
        missing = [p for p, units in by_product.items() if not await self._sales.settle(p, units)]
        return pb.SettleUnitsReply(notOnSale=missing)


def _reply(accepted: Accepted) -> pb.FlashSaleReply:
    return pb.FlashSaleReply(orderID=accepted.order_id, status="accepted" if accepted.queued else "running")


def _part_of_branch(request: pb.TakeManyRequest, op: str) -> aiodtm.Barrier:
    """The stock branch that these units belong to shares its gid and branch; Redis keeps a barrier of its own."""
    return aiodtm.Barrier(request.gid, "saga", request.branchID, op)


def _by_product(items: Iterable[pb.TakeItem]) -> dict[int, list[pb.TakeItem]]:
    by_product: dict[int, list[pb.TakeItem]] = defaultdict(list)
    for item in items:
        by_product[item.productID].append(item)
    return by_product


def _take(item: pb.TakeItem) -> Take:
    return Take(item.orderID, item.userID, item.productCount)


def _refusal(item: pb.TakeItem, code: str) -> types_pb2.Refusal:
    reason = _too_few(item) if code == SOLD_OUT else refused(code, item.productID).message
    return types_pb2.Refusal(orderID=item.orderID, code=code, reason=reason)


def _too_few(item: pb.TakeItem) -> str:
    if item.productCount == 1:
        return f"product {item.productID} is sold out"
    return f"{item.productCount} units of product {item.productID} were ordered, but only fewer can be had"
