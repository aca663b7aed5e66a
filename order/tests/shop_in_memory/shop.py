"""All services of the shop in one process: real code over fake stores, gRPC without sockets, a DTM in memory.

shop = Shop(Plan(...))
await shop.offer(product_id=1, stock=10)
finals = await shop.office().place([shop.order()])
shop.check()
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from aiodtm import Barrier, random_gid
from aiodtm.testing import InMemoryDtm, Plan
from eshop_chassis.dtm import stored_refusals
from eshop_chassis.kafka import QueueMessage
from eshop_contract import Kind, OrderIds, OrderIdSettings, QueueSeal
from eshop_coupon.coupons import UNUSED, USED
from eshop_coupon.service import CouponService
from eshop_flash_sale.buying import Buying, Messages
from eshop_flash_sale.delivery import Delivery
from eshop_flash_sale.idempotency import KeyedBuying
from eshop_flash_sale.sale import Take
from eshop_flash_sale.service import FlashSaleService
from eshop_order.idempotency.requests import KeyedRequests
from eshop_order.orders import Final, NewOrder, Row
from eshop_order.outcome import Outcomes
from eshop_order.placing.direct import DirectOrders
from eshop_order.placing.in_flight import InFlightOrders
from eshop_order.placing.lanes import OrderLanes
from eshop_order.placing.placer import Placer
from eshop_order.placing.refusals import Refusals
from eshop_order.placing.saga import Addresses, OrderSagas
from eshop_order.placing.screening import Screening
from eshop_order.placing.settle_units import UnitSettlement
from eshop_order.placing.sweep import Sweeper
from eshop_order.queue.buffered import BufferedOrders
from eshop_order.service import OrderService
from eshop_pay.payments import REVERTED
from eshop_pay.service import PayService
from eshop_protos.coupon.v1 import coupon_api
from eshop_protos.flash_sale.v1 import flash_sale_api
from eshop_protos.order.v1 import order_api
from eshop_protos.pay.v1 import pay_api
from eshop_protos.stock.v1 import stock_api, stock_pb2
from eshop_protos.types import types_pb2
from eshop_stock.deduct import Deduction
from eshop_stock.flash import FlashSales
from eshop_stock.service import StockService
from protoc_gen_fastapi.runtime import Call, Unavailable
from shop_in_memory.coupons import MemoryCoupons, coupons
from shop_in_memory.database import MemoryDatabase
from shop_in_memory.key_records import MemoryKeyRecords
from shop_in_memory.keys import MemoryKeys
from shop_in_memory.network import Network
from shop_in_memory.orders import MemoryOrders
from shop_in_memory.payments import MemoryPayments, kept_payments
from shop_in_memory.sales import MemoryRedis, MemorySales
from shop_in_memory.stock import MemoryStock, ledger, rows

SCREENED_BATCHES = 8
LEFT_BEHIND_SECONDS = 15
LEASE_SECONDS = 6
NO_CRUD: Any = None  # rows are looked at in the databases themselves
SECRET = OrderIdSettings(order_id_key="a secret for tests")


class Queue:
    """Stands in for the Kafka producer; while it is `down` it acknowledges nothing."""

    def __init__(self) -> None:
        self.messages: list[QueueMessage] = []
        self.down = False

    async def send(self, topic: str, key: str, value: bytes, headers: dict[str, str]) -> None:
        await self.send_many(topic, [QueueMessage(key, value, headers)])

    async def send_many(self, topic: str, messages: Sequence[QueueMessage]) -> None:
        for error in await self.send_each(topic, messages):
            if error is not None:
                raise error

    async def send_each(self, topic: str, messages: Sequence[QueueMessage]) -> list[Unavailable | None]:
        if self.down:
            return [Unavailable("the queue does not answer")] * len(messages)
        self.messages += messages
        return [None] * len(messages)


class Drain:
    """Stands in for what watches the queue of flash-sale orders being worked off: it always is."""

    delivering: Any

    def __init__(self) -> None:
        self.delivering = set[object]()

    async def done(self, run_id: str) -> bool:
        return True


@dataclass
class Office:
    """What one process of the order service keeps to itself: it goes when the process dies."""

    placer: Placer
    sweeper: Sweeper
    service: OrderService
    in_flight: InFlightOrders

    async def place(self, orders: Iterable[NewOrder]) -> dict[str, Final]:
        return await self.placer.place(orders, {})


class Shop:
    """The shop. Order ids are made by `order`; each service's books are its database's `data`."""

    def __init__(self, plan: Plan | None = None) -> None:
        self.dtm = InMemoryDtm(plan, retry_after=0.002)
        self.dtm_of_redis = InMemoryDtm(retry_after=0.002)
        self.network = Network()
        self.ids, self.seal = OrderIds(SECRET), QueueSeal(SECRET)
        self.queue: Any = Queue()
        self.order_db, self.orders, self.keys = MemoryDatabase(), MemoryOrders(), MemoryKeys()
        self.stock_db, self.stock = MemoryDatabase(), MemoryStock()
        self.coupon_db, self.coupons = MemoryDatabase(), MemoryCoupons()
        self.pay_db, self.payments = MemoryDatabase(), MemoryPayments()
        self.sales = MemorySales()
        self._serve()

    def _serve(self) -> None:
        hooks, flash_sale = self.network.hooks, flash_sale_api.FlashSaleClient(self.network.channel("flash:1"))
        self.flash_sales = FlashSales(self.stock_db, self.stock, flash_sale, settle_seconds=0)
        deduction = Deduction(self.stock_db, self.stock, flash_sale)
        stock = StockService(self.stock_db, self.stock, NO_CRUD, deduction, self.flash_sales)
        coupon = CouponService(self.coupon_db, self.coupons, NO_CRUD)
        pay = PayService(self.pay_db, self.payments, NO_CRUD)
        self.network.serve("order:1", order_api.order_handlers(self.office().service, hooks))
        self.network.serve("stock:1", stock_api.stock_handlers(stock, hooks))
        self.network.serve("coupon:1", coupon_api.coupon_handlers(coupon, hooks))
        self.network.serve("pay:1", pay_api.pay_handlers(pay, hooks))
        self.network.serve("flash:1", flash_sale_api.flash_sale_handlers(self._flash_sale(), hooks))
        for address, api in {
            "order:1": order_api,
            "stock:1": stock_api,
            "coupon:1": coupon_api,
            "pay:1": pay_api,
        }.items():
            self.network.open_to(self.dtm, address, api.DESCRIPTOR)
        self.network.open_to(self.dtm_of_redis, "flash:1", flash_sale_api.DESCRIPTOR)

    def _flash_sale(self) -> FlashSaleService:
        sales: Any = self.sales
        redis: Any = MemoryRedis(self.sales)
        records: Any = MemoryKeyRecords()
        messages = Messages(self.dtm_of_redis, address="flash:1")
        drain: Any = Drain()
        delivery = Delivery(redis, self.queue, "orders", self.seal, drain)
        buying = Buying(sales, messages, delivery, self.ids, self.client, wait_seconds=1, lanes=2)
        keyed = KeyedBuying(records, self.ids, buying)
        return FlashSaleService(sales, buying, keyed, delivery, drain, self.ids)

    def office(self, dtm: Any = None) -> Office:
        """A new process of the order service."""
        db, store = self.order_db, self.orders
        dtm = dtm or self.dtm
        flash_sale = flash_sale_api.FlashSaleClient(self.network.channel("flash:1"))
        sagas = OrderSagas(dtm, Addresses("order:1", "stock:1", "coupon:1", "pay:1"))
        screening = Screening(
            coupon_api.CouponClient(self.network.channel("coupon:1")).check_many,
            stock_api.StockClient(self.network.channel("stock:1")).check_many,
            SCREENED_BATCHES,
        )
        in_flight = InFlightOrders()
        placer = Placer(db, store, sagas, self._refusals(), UnitSettlement(flash_sale), screening, in_flight)
        sweeper = Sweeper(db, store, sagas, placer, in_flight, flash_sale, every=1, age=LEFT_BEHIND_SECONDS)
        service = OrderService(
            db,
            store,
            NO_CRUD,
            DirectOrders(db, store, OrderLanes(placer, in_flight, 2), in_flight, wait_seconds=2),
            BufferedOrders(self.queue, self.seal, "orders"),
            KeyedRequests(db, self.keys, in_flight.__contains__, lease_seconds=LEASE_SECONDS),
            Outcomes(db, store, placer, self.ids),
            self.ids,
        )
        return Office(placer, sweeper, service, in_flight)

    def _refusals(self) -> Refusals:
        async def own(request: types_pb2.GetRefusalsRequest, call: Call) -> types_pb2.GetRefusalsReply:
            return await stored_refusals(self.order_db, request.gid)

        channel = self.network.channel
        return Refusals(
            {
                order_api.SERVICE_NAME: own,
                stock_api.SERVICE_NAME: stock_api.StockClient(channel("stock:1")).get_refusals,
                coupon_api.SERVICE_NAME: coupon_api.CouponClient(channel("coupon:1")).get_refusals,
                pay_api.SERVICE_NAME: pay_api.PayClient(channel("pay:1")).get_refusals,
            }
        )

    async def offer(self, product_id: int = 1, stock: int = 10) -> None:
        """Puts a product on sale."""
        await self.stock_db.run_core(lambda tx: self.stock.create(tx, product_id, stock))

    async def set_flash_sale(self, product_id: int = 1, stock: int = 10, limit: int = 0) -> None:
        """Puts a product on flash sale."""
        request = stock_pb2.SetFlashSaleStockRequest(productID=product_id, stock=stock, perUserLimit=limit)
        await self.flash_sales.set(request, Call.local())

    async def take_flash_units(self, orders: Iterable[NewOrder]) -> None:
        """Takes the units of flash-sale orders from their sales, as buying does."""
        for order in orders:
            barrier = Barrier.of_message(random_gid(str(order.product_id)))
            take = Take(order.order_id, order.user_id, order.product_count)
            taken = await self.sales.take(barrier, order.product_id, [take], each=True)
            assert order.order_id in taken.accepted

    async def give_coupon(self, coupon_id: int, user_id: int = 7, status: int = UNUSED) -> int:
        """Gives a user a coupon."""
        await self.coupon_db.run(lambda tx: self.coupons.put(tx, coupon_id, user_id, status))
        return coupon_id

    @property
    def client(self) -> order_api.OrderClient:
        """Calls the order service over the network."""
        return order_api.OrderClient(self.network.channel("order:1"))

    def order(self, kind: Kind = "b", **values: int) -> NewOrder:
        """A new order, of one unit of product 1 for user 7."""
        made = {"user_id": 7, "product_id": 1, "product_count": 1, "amount": 100, **values}
        return NewOrder(self.ids.new(kind), **made)

    def row(self, order: NewOrder) -> Row | None:
        """The order's row."""
        kept = self.order_db.data.get("order", {}).get(order.order_id)
        return kept.row if kept else None

    def kept(self, order: NewOrder) -> Row:
        """The order's row, which must be there."""
        row = self.row(order)
        assert row, f"{order.order_id} has no row"
        return row

    def state(self, order: NewOrder) -> str:
        """The state of the order's row; "absent" without one."""
        row = self.row(order)
        return row.state if row else "absent"

    def stock_of(self, product_id: int) -> int:
        return rows(self.stock_db.data)[product_id].stock

    def pass_time(self, seconds: int = LEFT_BEHIND_SECONDS + 5) -> None:
        """Makes everything that many seconds older."""
        self.orders.now += seconds
        self.keys.now += seconds
        self.stock.now += seconds

    async def recover(self) -> Office:
        """The order service starts again and sweeps until nothing is left behind."""
        office = self.office()
        for _ in range(20):
            self.pass_time()
            await self.dtm.settle()
            await office.sweeper.sweep()
            if all(row.final for row in self._order_rows()) and not self.order_db.data.get("unit_return"):
                return office
        raise AssertionError(f"left behind for ever: {[row for row in self._order_rows() if not row.final]}")

    def check(self) -> None:
        """Holds the books of all services against each other: every order is whole or not at all, and final."""
        assert self.problems() == []
        assert self.network.hooks.surprises == []

    def problems(self) -> list[str]:
        units = Counter[tuple[str, int]]()
        for booking in ledger(self.stock_db.data):
            units[booking.ref, booking.product_id] += booking.delta
        found = [f"stock {p} does not agree with its ledger" for p in self._wrong_stocks()]
        used = {c.order_id: i for i, c in coupons(self.coupon_db.data).items() if c.status == USED and c.gid}
        paid = {o: k.payment for o, k in kept_payments(self.pay_db.data).items() if k.status != REVERTED}
        for row in self._order_rows():
            order, live = row.order, row.state == "confirmed"
            name = f"{row.state} order {order.order_id}"
            if row.final is None:
                found.append(f"{name} is not final")
            if units.pop((order.order_id, order.product_id), 0) != -order.product_count * live:
                found.append(f"{name} has the wrong units")
            if used.pop(order.order_id, 0) != order.coupon_id * live:
                found.append(f"{name} has the wrong coupon")
            payment = paid.pop(order.order_id, None)
            if (payment.amount if payment else 0) != order.amount * live:
                found.append(f"{name} has the wrong payment")
        strays = [ref for (ref, _), delta in units.items() if ref and delta] + [*used, *paid]
        return found + [f"{ref} has something and is no order" for ref in strays]

    def _wrong_stocks(self) -> list[int]:
        sums: dict[int, int] = defaultdict(int)
        for booking in ledger(self.stock_db.data):
            sums[booking.product_id] += booking.delta
        return [p for p, row in rows(self.stock_db.data).items() if row.stock != sums[p] or row.stock < 0]

    def _order_rows(self) -> list[Row]:
        return [kept.row for kept in self.order_db.data.get("order", {}).values()]

    async def close(self) -> None:
        """Ends what still runs."""
        await self.dtm.aclose()
        await self.dtm_of_redis.aclose()
