"""The rpcs of the gateway: each goes to the service that has the answer."""

from dataclasses import dataclass

from eshop_chassis import key_of
from eshop_chassis.calls import Turns
from eshop_gw.batches import batching_flash_sale, batching_notify, batching_submit
from eshop_gw.lists import coupon_list, order_list, product_list, stock_list, user_list
from eshop_protos.coupon.v1 import coupon_pb2
from eshop_protos.coupon.v1.coupon_api import CouponApi
from eshop_protos.eshop_gw.v1 import eshop_gw_pb2
from eshop_protos.eshop_gw.v1.eshop_gw_api import EshopApi
from eshop_protos.flash_sale.v1 import flash_sale_pb2
from eshop_protos.flash_sale.v1.flash_sale_api import FlashSaleApi
from eshop_protos.order.v1 import order_pb2
from eshop_protos.order.v1.order_api import OrderApi
from eshop_protos.product.v1 import product_pb2
from eshop_protos.product.v1.product_api import ProductApi
from eshop_protos.stock.v1 import stock_pb2
from eshop_protos.stock.v1.stock_api import StockApi
from eshop_protos.user.v1 import user_pb2
from eshop_protos.user.v1.user_api import UserApi
from protoc_gen_fastapi.runtime import Call, shares_replies


@dataclass(frozen=True)
class Upstreams:
    """The services behind the gateway."""

    user: UserApi
    product: ProductApi
    order: OrderApi
    stock: StockApi
    coupon: CouponApi
    flash_sale: FlashSaleApi


class GatewayService(EshopApi):
    """One door to all services."""

    def __init__(self, upstreams: Upstreams, lanes: int, lists_at_a_time: int) -> None:
        self._to = upstreams
        self._submit = batching_submit(upstreams.order, lanes)
        self._notify = batching_notify(upstreams.order, lanes)
        self._flash_sale = batching_flash_sale(upstreams.flash_sale, lanes)
        turns = Turns(lists_at_a_time)
        self._users = user_list(upstreams.user, turns)
        self._products = product_list(upstreams.product, turns)
        self._orders = order_list(upstreams.order, turns)
        self._coupons = coupon_list(upstreams.coupon, turns)
        self._stocks = stock_list(upstreams.stock, turns)

    async def create_user(self, request: user_pb2.CreateUserRequest, call: Call) -> user_pb2.CreateUserReply:
        return await self._to.user.create(request, call)

    @shares_replies
    async def list_user(self, request: eshop_gw_pb2.PageParam, call: Call) -> user_pb2.ListUserReply:
        return await self._users(request, call)

    async def create_product(
        self, request: product_pb2.CreateProductRequest, call: Call
    ) -> product_pb2.CreateProductReply:
        return await self._to.product.create(request, call)

    @shares_replies
    async def list_product(self, request: eshop_gw_pb2.PageParam, call: Call) -> product_pb2.ListProductReply:
        return await self._products(request, call)

    async def submit_order(self, request: order_pb2.SubmitOrderRequest, call: Call) -> order_pb2.SubmitOrderReply:
        key_of(call)
        return await self._submit(request, call)

    async def send_submit_order_notify(
        self, request: order_pb2.SendSubmitOrderNotifyRequest, call: Call
    ) -> order_pb2.SendSubmitOrderNotifyReply:
        key_of(call)
        return await self._notify(request, call)

    async def get_outcome(self, request: order_pb2.GetOutcomeRequest, call: Call) -> order_pb2.GetOutcomeReply:
        return await self._to.order.get_outcome(request, call)

    @shares_replies
    async def list_order(self, request: eshop_gw_pb2.PageParam, call: Call) -> order_pb2.ListOrderReply:
        return await self._orders(request, call)

    async def create_coupon(self, request: coupon_pb2.CreateCouponRequest, call: Call) -> coupon_pb2.CreateCouponReply:
        return await self._to.coupon.create(request, call)

    @shares_replies
    async def list_coupon(self, request: eshop_gw_pb2.PageParam, call: Call) -> coupon_pb2.ListCouponReply:
        return await self._coupons(request, call)

    async def create_stock(self, request: stock_pb2.CreateStockRequest, call: Call) -> stock_pb2.CreateStockReply:
        return await self._to.stock.create(request, call)

    @shares_replies
    async def list_stock(self, request: eshop_gw_pb2.PageParam, call: Call) -> stock_pb2.ListStockReply:
        return await self._stocks(request, call)

    async def set_flash_sale_stock(
        self, request: stock_pb2.SetFlashSaleStockRequest, call: Call
    ) -> stock_pb2.SetFlashSaleStockReply:
        return await self._to.stock.set_flash_sale_stock(request, call)

    async def flash_sale(self, request: flash_sale_pb2.FlashSaleRequest, call: Call) -> flash_sale_pb2.FlashSaleReply:
        key_of(call)
        return await self._flash_sale(request, call)
