"""The rpcs of the flash-sale service."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

import aiodtm
from eshop_chassis import key_of
from eshop_chassis.calls import answer_many
from eshop_chassis.dtm import Branch, branch_headers
from eshop_contract import OrderIds, Refusal, refusals
from eshop_flash_sale.buying.buy import Accepted, Buying
from eshop_flash_sale.delivery.delivery import Delivery
from eshop_flash_sale.delivery.drain import QueueDrain
from eshop_flash_sale.idempotency.requests import KeyedBuying
from eshop_flash_sale.sale.sales import Sales, Take
from eshop_protos.flash_sale.v1 import flash_sale_pb2 as pb
from eshop_protos.flash_sale.v1.flash_sale_api import FlashSaleApi
from eshop_protos.types import types_pb2
from protoc_gen_fastapi.runtime import Call


class FlashSaleService(FlashSaleApi):
    """Flash sales: buying, the branches of the message that buying is, and what the stock service needs."""

    def __init__(
        self, sales: Sales, buying: Buying, keyed: KeyedBuying, delivery: Delivery, drain: QueueDrain, ids: OrderIds
    ) -> None:
        self._sales = sales
        self._buying = buying
        self._keyed = keyed
        self._delivery = delivery
        self._drain = drain
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
        if not await self._delivery.took_anything(Branch(call).barrier):
            raise refusals.NOT_TAKEN().error()
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
        refused: dict[str, Refusal] = {}
        barrier, by_product = _part_of_branch(request, "action"), _by_product(request.items)
        await self._sales.note_branch(barrier, by_product)
        for product_id, items in by_product.items():
            taken = await self._sales.take(barrier, product_id, [_take(i) for i in items], each=False)
            refused.update(taken.refused)
        told = [types_pb2.Refusal(orderID=ref, code=why.short, reason=why.reason) for ref, why in refused.items()]
        return pb.TakeManyReply(refusals=told)

    async def take_many_revert(self, request: pb.TakeManyRequest, call: Call) -> pb.TakeManyReply:
        barrier = _part_of_branch(request, "compensate")
        for product_id in await self._sales.end_branch(barrier, _by_product(request.items)):
            await self._sales.give_back(barrier, product_id)
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
