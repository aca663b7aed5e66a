"""The saga that places orders: each undo beside its do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aiodtm import Dtm, Outcome, Saga, Step
from eshop_chassis.dtm import branch_url
from eshop_order.orders import NewOrder
from eshop_protos.coupon.v1 import coupon_pb2
from eshop_protos.coupon.v1.coupon_api import CouponApi
from eshop_protos.order.v1 import order_pb2
from eshop_protos.order.v1.order_api import OrderApi
from eshop_protos.pay.v1 import pay_pb2
from eshop_protos.pay.v1.pay_api import PayApi
from eshop_protos.stock.v1 import stock_pb2
from eshop_protos.stock.v1.stock_api import StockApi


@dataclass(frozen=True)
class Addresses:
    """Where DTM reaches the services whose branches the saga calls: "host:port" each."""

    order: str
    stock: str
    coupon: str
    pay: str


class OrderSagas:
    """Builds the saga for a batch of orders, and asks DTM about sagas that run."""

    def __init__(self, dtm: Dtm, addresses: Addresses) -> None:
        self._dtm = dtm
        self._at = addresses

    def place(self, gid: str, orders: Sequence[NewOrder], headers: Mapping[str, str]) -> Saga:
        """Claims the orders, uses their coupons, takes their units and opens their payments: all, or nothing.

        Stock is the last that may refuse: otherwise an order whose coupon is refused later could hold units for a
        moment, and good orders would be refused for lack of them.
        """
        saga = self._dtm.saga(gid, headers, fresh=True)
        saga.step(self._claim_orders(orders))
        if any(order.coupon_id for order in orders):
            saga.step(self._use_coupons(orders))
        saga.step(self._deduct_stock(orders))
        saga.step(self._open_payments(orders))
        return saga

    async def outcome(self, gid: str) -> Outcome | None:
        """How far a saga has come; None where DTM does not know it. Raises DtmUnavailable, DtmFailure."""
        return await self._dtm.outcome(gid)

    async def wake(self, gid: str) -> None:
        """Has DTM try a saga again whose branch failed. Raises DtmUnavailable, DtmFailure."""
        await self._dtm.wake_one(gid)

    def _claim_orders(self, orders: Sequence[NewOrder]) -> Step:
        return Step(
            action=branch_url(self._at.order, OrderApi.create_many),
            undo=branch_url(self._at.order, OrderApi.create_many_revert),
            payload=order_pb2.CreateManyRequest(orders=[order.to_message() for order in orders]),
        )

    def _deduct_stock(self, orders: Sequence[NewOrder]) -> Step:
        return Step(
            action=branch_url(self._at.stock, StockApi.deduct_many),
            undo=branch_url(self._at.stock, StockApi.deduct_many_revert),
            payload=units_of(orders),
        )

    def _use_coupons(self, orders: Sequence[NewOrder]) -> Step:
        return Step(
            action=branch_url(self._at.coupon, CouponApi.use_many),
            undo=branch_url(self._at.coupon, CouponApi.use_many_revert),
            payload=coupons_of(orders),
        )

    def _open_payments(self, orders: Sequence[NewOrder]) -> Step:
        payments = [pay_pb2.CreatePayRequest(userID=o.user_id, orderID=o.order_id, amount=o.amount) for o in orders]
        return Step(
            action=branch_url(self._at.pay, PayApi.create_many),
            undo=branch_url(self._at.pay, PayApi.create_many_revert),
            payload=pay_pb2.CreateManyRequest(payments=payments),
        )


def units_of(orders: Sequence[NewOrder]) -> stock_pb2.DeductManyRequest:
    """The units that these orders take."""
    items = [
        stock_pb2.DeductItem(
            orderID=o.order_id,
            productID=o.product_id,
            productCount=o.product_count,
            flashTaken=o.flash_taken,
            userID=o.user_id,
        )
        for o in orders
    ]
    return stock_pb2.DeductManyRequest(items=items)


def coupons_of(orders: Sequence[NewOrder]) -> coupon_pb2.UseManyRequest:
    """The coupons that these orders use; those without one have no item."""
    coupons = [
        coupon_pb2.CouponUseRequest(couponID=o.coupon_id, userID=o.user_id, orderID=o.order_id)
        for o in orders
        if o.coupon_id
    ]
    return coupon_pb2.UseManyRequest(coupons=coupons)
