"""The lists of the gateway: identical ones that arrive together are one call to the service that has them."""

from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from eshop_chassis.calls import SharedReads, Turns
from eshop_protos.coupon.v1 import coupon_pb2
from eshop_protos.coupon.v1.coupon_api import CouponApi
from eshop_protos.eshop_gw.v1 import eshop_gw_pb2
from eshop_protos.order.v1 import order_pb2
from eshop_protos.order.v1.order_api import OrderApi
from eshop_protos.product.v1 import product_pb2
from eshop_protos.product.v1.product_api import ProductApi
from eshop_protos.stock.v1 import stock_pb2
from eshop_protos.stock.v1.stock_api import StockApi
from eshop_protos.types import types_pb2
from eshop_protos.user.v1 import user_pb2
from eshop_protos.user.v1.user_api import UserApi
from protoc_gen_fastapi.runtime import REQUEST_ID, Call

R = TypeVar("R")


class SharedList(Generic[R]):
    """One list of one service. `ask` asks that service; it sees the request id of the caller who came first.

    The deadline and the language of none of the callers hold for what they share; each keeps its own.
    """

    def __init__(self, name: str, turns: Turns, ask: Callable[[types_pb2.Params, Call], Awaitable[R]]) -> None:
        self._ask = ask
        self._shared = SharedReads[R](name, turns=turns)

    async def __call__(self, request: eshop_gw_pb2.PageParam, call: Call) -> R:
        page, limit, before = request.page, request.limit, request.before
        return await self._shared(
            (page, limit, before),
            lambda: self._ask(
                types_pb2.Params(page=page, limit=limit, before=before), Call.local({REQUEST_ID: call.request_id})
            ),
        )


def user_list(user: UserApi, turns: Turns) -> SharedList[user_pb2.ListUserReply]:
    return SharedList("user", turns, lambda params, call: user.list(user_pb2.ListUserRequest(params=params), call))


def product_list(product: ProductApi, turns: Turns) -> SharedList[product_pb2.ListProductReply]:
    return SharedList(
        "product", turns, lambda params, call: product.list(product_pb2.ListProductRequest(params=params), call)
    )


def order_list(order: OrderApi, turns: Turns) -> SharedList[order_pb2.ListOrderReply]:
    return SharedList("order", turns, lambda params, call: order.list(order_pb2.ListOrderRequest(params=params), call))


def coupon_list(coupon: CouponApi, turns: Turns) -> SharedList[coupon_pb2.ListCouponReply]:
    return SharedList(
        "coupon", turns, lambda params, call: coupon.list(coupon_pb2.ListCouponRequest(params=params), call)
    )


def stock_list(stock: StockApi, turns: Turns) -> SharedList[stock_pb2.ListStockReply]:
    return SharedList("stock", turns, lambda params, call: stock.list(stock_pb2.ListStockRequest(params=params), call))
