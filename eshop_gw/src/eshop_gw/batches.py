"""The rpcs that a flash sale is made of, sent upstream in batches: requests that come together share one call."""

from collections.abc import Sequence
from typing import Any

from eshop_chassis.calls import BatchingClient
from eshop_protos.flash_sale.v1 import flash_sale_pb2
from eshop_protos.flash_sale.v1.flash_sale_api import FlashSaleApi
from eshop_protos.order.v1 import order_pb2
from eshop_protos.order.v1.order_api import OrderApi
from protoc_gen_fastapi.runtime import Call

Submit = BatchingClient[order_pb2.SubmitOrderRequest, order_pb2.SubmitOrderReply]
Notify = BatchingClient[order_pb2.SendSubmitOrderNotifyRequest, order_pb2.SendSubmitOrderNotifyReply]
FlashSale = BatchingClient[flash_sale_pb2.FlashSaleRequest, flash_sale_pb2.FlashSaleReply]


def batching_submit(order: OrderApi, lanes: int) -> Submit:
    """Orders to place at once."""

    async def many(
        orders: Sequence[order_pb2.SubmitOrderRequest], ids: Sequence[str], keys: Sequence[str], call: Call
    ) -> Sequence[Any]:
        request = order_pb2.SubmitManyRequest(orders=orders, requestIDs=ids, idempotencyKeys=keys)
        return (await order.submit_many(request, call)).results

    return BatchingClient("submit", many, order.submit, lanes=lanes)


def batching_notify(order: OrderApi, lanes: int) -> Notify:
    """Orders for the queue."""

    async def many(
        orders: Sequence[order_pb2.SendSubmitOrderNotifyRequest], ids: Sequence[str], keys: Sequence[str], call: Call
    ) -> Sequence[Any]:
        request = order_pb2.SendSubmitOrderNotifyManyRequest(orders=orders, requestIDs=ids, idempotencyKeys=keys)
        return (await order.send_submit_order_notify_many(request, call)).results

    return BatchingClient("notify", many, order.send_submit_order_notify, lanes=lanes)


def batching_flash_sale(flash_sale: FlashSaleApi, lanes: int) -> FlashSale:
    """Buyers of flash sales."""

    async def many(
        buyers: Sequence[flash_sale_pb2.FlashSaleRequest], ids: Sequence[str], keys: Sequence[str], call: Call
    ) -> Sequence[Any]:
        request = flash_sale_pb2.FlashSaleManyRequest(buyers=buyers, requestIDs=ids, idempotencyKeys=keys)
        return (await flash_sale.flash_sale_many(request, call)).results

    return BatchingClient("flash_sale", many, flash_sale.flash_sale, lanes=lanes)
