"""The only place that names the concrete parts of the gateway."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager

import grpc.aio

from eshop_chassis import Api, ChassisHooks, Service, takes_keys
from eshop_chassis.calls import open_channel
from eshop_gw.service import GatewayService, Upstreams
from eshop_gw.settings import Settings
from eshop_protos.coupon.v1 import coupon_api
from eshop_protos.eshop_gw.v1 import eshop_gw_api
from eshop_protos.flash_sale.v1 import flash_sale_api
from eshop_protos.order.v1 import order_api
from eshop_protos.product.v1 import product_api
from eshop_protos.stock.v1 import stock_api
from eshop_protos.user.v1 import user_api


@asynccontextmanager
async def open_service(settings: Settings, hooks: ChassisHooks) -> AsyncGenerator[Service]:
    """Opens the channels to the services. The gateway is ready without them: one that is down harms its own routes."""
    hooks.branches = False  # DTM calls the services; whoever names a branch here is somebody else
    async with AsyncExitStack() as stack:
        service = GatewayService(await _open_upstreams(stack, settings), settings.gw_lanes, settings.gw_lists_at_a_time)
        api = Api(
            eshop_gw_api.SERVICE_NAME,
            eshop_gw_api.eshop_handlers(service, hooks),
            takes_keys(eshop_gw_api.eshop_router(service, hooks), "SubmitOrder", "SendSubmitOrderNotify", "FlashSale"),
        )
        yield Service([api])


async def _open_upstreams(stack: AsyncExitStack, s: Settings) -> Upstreams:
    async def channel(addresses: str, idempotent: tuple[tuple[str, str], ...]) -> grpc.aio.Channel:
        return await stack.enter_async_context(open_channel(addresses, idempotent))

    wait = s.gw_upstream_timeout
    return Upstreams(
        user=user_api.UserClient(await channel(s.user_address, user_api.IDEMPOTENT), wait),
        product=product_api.ProductClient(await channel(s.product_address, product_api.IDEMPOTENT), wait),
        order=order_api.OrderClient(await channel(s.order_address, order_api.IDEMPOTENT), wait),
        stock=stock_api.StockClient(await channel(s.stock_address, stock_api.IDEMPOTENT), wait),
        coupon=coupon_api.CouponClient(await channel(s.coupon_address, coupon_api.IDEMPOTENT), wait),
        flash_sale=flash_sale_api.FlashSaleClient(await channel(s.flash_sale_address, flash_sale_api.IDEMPOTENT), wait),
    )
