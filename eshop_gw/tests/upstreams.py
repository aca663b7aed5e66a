"""Small services to stand behind the gateway. Each remembers what it was asked, and answers as the test wants."""

from collections.abc import Awaitable, Callable
from typing import Any, ClassVar, cast

import grpc
import grpc.aio
from google.protobuf.message import Message

from eshop_chassis.calls import answer_each
from eshop_protos.coupon.v1 import coupon_api, coupon_pb2
from eshop_protos.flash_sale.v1 import flash_sale_api, flash_sale_pb2
from eshop_protos.order.v1 import order_api, order_pb2
from eshop_protos.product.v1 import product_api, product_pb2
from eshop_protos.stock.v1 import stock_api, stock_pb2
from eshop_protos.user.v1 import user_api, user_pb2
from protoc_gen_fastapi.runtime import Call, Hooks, RpcError

Answer = Message | RpcError | Callable[[Any], Awaitable[Message]]
Replies = dict[str, Message]


class Upstream:
    """`answers` maps an rpc to its reply, an error, or a list of those for one call after the other."""

    address = ""
    server: grpc.aio.Server
    replies: ClassVar[Replies]

    def __init__(self) -> None:
        self.answers: dict[str, Any] = dict(self.replies)
        self.asked: list[tuple[str, Message]] = []
        self.metadata: list[dict[str, str]] = []

    @property
    def rpcs(self) -> list[str]:
        """The names of the rpcs that came, in order."""
        return [name for name, _ in self.asked]

    async def _answer(self, name: str, request: Message, call: Call) -> Any:
        self.asked.append((name, request))
        self.metadata.append(dict(call.metadata))
        answer = self.answers[name]
        if isinstance(answer, list):
            answer = answer.pop(0) if len(answer) > 1 else answer[0]
        if callable(answer):
            answer = await cast("Any", answer)(request)
        if isinstance(answer, RpcError):
            raise answer
        return answer

    def handlers(self) -> grpc.GenericRpcHandler:
        raise NotImplementedError


class Resource(Upstream):
    """A service that keeps rows."""

    async def create(self, request: Any, call: Call) -> Any:
        return await self._answer("create", request, call)

    async def list(self, request: Any, call: Call) -> Any:
        return await self._answer("list", request, call)


class Users(Resource, user_api.UserApi):
    replies: ClassVar[Replies] = {"create": user_pb2.CreateUserReply(id=11), "list": user_pb2.ListUserReply(total=1)}

    def handlers(self) -> grpc.GenericRpcHandler:
        return user_api.user_handlers(self, Hooks())


class Products(Resource, product_api.ProductApi):
    replies: ClassVar[Replies] = {
        "create": product_pb2.CreateProductReply(id=12),
        "list": product_pb2.ListProductReply(total=2),
    }

    def handlers(self) -> grpc.GenericRpcHandler:
        return product_api.product_handlers(self, Hooks())


class Coupons(Resource, coupon_api.CouponApi):
    replies: ClassVar[Replies] = {
        "create": coupon_pb2.CreateCouponReply(id=13),
        "list": coupon_pb2.ListCouponReply(total=3),
    }

    def handlers(self) -> grpc.GenericRpcHandler:
        return coupon_api.coupon_handlers(self, Hooks())


class Stocks(Resource, stock_api.StockApi):
    replies: ClassVar[Replies] = {
        "create": stock_pb2.CreateStockReply(id=14),
        "list": stock_pb2.ListStockReply(total=4),
        "set": stock_pb2.SetFlashSaleStockReply(),
    }

    async def set_flash_sale_stock(self, request: Any, call: Call) -> Any:
        return await self._answer("set", request, call)

    def handlers(self) -> grpc.GenericRpcHandler:
        return stock_api.stock_handlers(self, Hooks())


class Orders(Resource, order_api.OrderApi):
    replies: ClassVar[Replies] = {
        "submit": order_pb2.SubmitOrderReply(orderID="o1", status="confirmed"),
        "notify": order_pb2.SendSubmitOrderNotifyReply(orderID="b1"),
        "outcome": order_pb2.GetOutcomeReply(orderID="o1", status="confirmed"),
        "list": order_pb2.ListOrderReply(total=5),
    }

    async def submit(self, request: Any, call: Call) -> Any:
        return await self._answer("submit", request, call)

    async def send_submit_order_notify(self, request: Any, call: Call) -> Any:
        return await self._answer("notify", request, call)

    async def get_outcome(self, request: Any, call: Call) -> Any:
        return await self._answer("outcome", request, call)

    async def submit_many(self, request: Any, call: Call) -> Any:
        self.asked.append(("submit_many", request))
        results = await answer_each(request.orders, request.requestIDs, call, self.submit, order_pb2.SubmitManyResult)
        return order_pb2.SubmitManyReply(results=results)

    async def send_submit_order_notify_many(self, request: Any, call: Call) -> Any:
        self.asked.append(("notify_many", request))
        results = await answer_each(
            request.orders,
            request.requestIDs,
            call,
            self.send_submit_order_notify,
            order_pb2.SendSubmitOrderNotifyManyResult,
        )
        return order_pb2.SendSubmitOrderNotifyManyReply(results=results)

    def handlers(self) -> grpc.GenericRpcHandler:
        return order_api.order_handlers(self, Hooks())


class OriginalOrders(Orders):
    """An order service that knows no batch rpcs, as the original's."""

    async def submit_many(self, request: Any, call: Call) -> Any:
        self.asked.append(("submit_many", request))
        raise NotImplementedError

    async def send_submit_order_notify_many(self, request: Any, call: Call) -> Any:
        raise NotImplementedError


class FlashSales(Upstream, flash_sale_api.FlashSaleApi):
    replies: ClassVar[Replies] = {"buy": flash_sale_pb2.FlashSaleReply(orderID="f1", status="accepted")}

    async def flash_sale(self, request: Any, call: Call) -> Any:
        return await self._answer("buy", request, call)

    async def flash_sale_many(self, request: Any, call: Call) -> Any:
        self.asked.append(("buy_many", request))
        results = await answer_each(
            request.buyers, request.requestIDs, call, self.flash_sale, flash_sale_pb2.FlashSaleManyResult
        )
        return flash_sale_pb2.FlashSaleManyReply(results=results)

    def handlers(self) -> grpc.GenericRpcHandler:
        return flash_sale_api.flash_sale_handlers(self, Hooks())


KINDS: dict[str, type[Upstream]] = {
    "user": Users,
    "product": Products,
    "order": Orders,
    "stock": Stocks,
    "coupon": Coupons,
    "flash_sale": FlashSales,
}
