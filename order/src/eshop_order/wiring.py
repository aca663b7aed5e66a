"""The only place that names the concrete parts of the order service."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

from aiodtm import RETRY_INTERVAL, Dtm, open_dtm
from eshop_chassis import Api, ChassisHooks, Check, Service, takes_keys
from eshop_chassis.calls import open_channel
from eshop_chassis.dtm import Recovery, check_dtm, check_service, stored_refusals
from eshop_chassis.kafka import GroupProgress, KafkaProducer, check_kafka, open_producer
from eshop_chassis.mysql import Database, Housekeeping, Tables, open_mysql
from eshop_contract import OrderIds, QueueSeal
from eshop_order.crud import OrderCrud
from eshop_order.housekeeping import expiring
from eshop_order.idempotency.requests import KeyedRequests
from eshop_order.idempotency.store import KeyStore
from eshop_order.orders import Orders
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
from eshop_order.queue.before_seals import BeforeSeals
from eshop_order.queue.buffered import BufferedOrders
from eshop_order.queue.burials import Burials
from eshop_order.queue.consumer import OrderConsumer
from eshop_order.queue.dead_letters import DeadLetters
from eshop_order.queue.fitness import Fitness
from eshop_order.queue.message import OrderReader
from eshop_order.queue.placing import QueuePlacing
from eshop_order.queue.watch import QueueWatch
from eshop_order.queue.written_letters import WrittenLetters
from eshop_order.service import OrderService
from eshop_order.settings import Settings
from eshop_order.store import OrderStore
from eshop_protos.coupon.v1 import coupon_api
from eshop_protos.flash_sale.v1 import flash_sale_api
from eshop_protos.order.v1 import order_api
from eshop_protos.pay.v1 import pay_api
from eshop_protos.stock.v1 import stock_api
from eshop_protos.types import types_pb2
from protoc_gen_fastapi.runtime import Call

LEASE_MARGIN_SECONDS = 2.0

TABLES = Tables("eshop_order", "eshop_order", ("order_record",))


@asynccontextmanager
async def open_service(settings: Settings, hooks: ChassisHooks) -> AsyncGenerator[Service]:
    """Opens MySQL, Kafka, DTM and the channels to other services, and closes them in reverse."""
    async with AsyncExitStack() as stack:
        db = await stack.enter_async_context(open_mysql(settings, *TABLES))
        producer = await stack.enter_async_context(open_producer(settings))
        dtm = await stack.enter_async_context(open_dtm(grpc=settings.dtm_mysql_grpc, http=settings.dtm_mysql_http))
        refusals, screening = await _open_refusals(stack, settings, db)
        flash_channel = await stack.enter_async_context(open_channel(settings.flash_sale_address))

        store, ids = OrderStore(), OrderIds(settings)
        flash_sale = flash_sale_api.FlashSaleClient(flash_channel)
        sagas = OrderSagas(dtm, _addresses(settings))
        in_flight = InFlightOrders()
        placer = Placer(db, store, sagas, refusals, UnitSettlement(flash_sale), screening, in_flight)
        sweeper = Sweeper(
            db,
            store,
            sagas,
            placer,
            in_flight,
            flash_sale,
            every=settings.order_sweep_seconds,
            age=settings.order_left_behind_seconds,
        )
        keyed = KeyedRequests(
            db, KeyStore(), in_flight.__contains__, lease_seconds=settings.order_wait_seconds + LEASE_MARGIN_SECONDS
        )
        fitness = Fitness({"MySQL": db.check, "DTM": lambda: check_dtm(dtm)}, settings.order_unfit_seconds)
        consumer = _consumer(settings, db, store, placer, producer, fitness)
        watch = QueueWatch(GroupProgress(settings, settings.kafka_order_topic, settings.kafka_order_group))
        service = OrderService(
            db,
            store,
            OrderCrud(db, store),
            DirectOrders(
                db,
                store,
                OrderLanes(placer, in_flight, settings.order_lanes),
                in_flight,
                wait_seconds=settings.order_wait_seconds,
            ),
            BufferedOrders(producer, QueueSeal(settings), settings.kafka_order_topic),
            keyed,
            Outcomes(db, store, placer, ids),
            ids,
        )
        router = takes_keys(order_api.order_router(service, hooks), "Submit", "SendSubmitOrderNotify")
        api = Api(order_api.SERVICE_NAME, order_api.order_handlers(service, hooks), router)
        checks = {"MySQL": db.check, "Kafka": lambda: check_kafka(settings), "DTM": lambda: check_dtm(dtm)}
        housekeeping = Housekeeping(db, settings, "eshop_order", expiring(settings))
        recovery = await _open_recovery(stack, settings, dtm, db)
        tasks = [consumer.run, watch.run, sweeper.run, keyed.forget_old, housekeeping.run, recovery.run]
        yield Service([api], checks, tasks, {"order queue": watch.check})


def _consumer(
    settings: Settings, db: Database, store: Orders, placer: Placer, producer: KafkaProducer, fitness: Fitness
) -> OrderConsumer:
    topic = settings.kafka_dead_letter_topic
    past = BeforeSeals(db, settings, settings.kafka_order_group, (settings.kafka_order_topic, topic))
    letters = DeadLetters(db, store, Burials(), WrittenLetters(settings, topic), producer, topic)
    reader = OrderReader(QueueSeal(settings), OrderIds(settings), past)
    return OrderConsumer(
        settings, QueuePlacing(placer, letters, reader, tries=settings.order_place_tries), past, fitness
    )


async def _open_recovery(stack: AsyncExitStack, settings: Settings, dtm: Dtm, db: Database) -> Recovery:
    parts: dict[str, Check] = {"DTM": lambda: check_dtm(dtm), "MySQL": db.check}
    for name in ("stock", "coupon", "pay"):
        channel = await stack.enter_async_context(open_channel(getattr(settings, f"{name}_address")))
        parts[name] = partial(check_service, channel)
    return Recovery(dtm, parts, young=RETRY_INTERVAL)


async def _open_refusals(stack: AsyncExitStack, settings: Settings, db: Database) -> tuple[Refusals, Screening]:
    at_stock = await stack.enter_async_context(open_channel(settings.stock_address, stock_api.IDEMPOTENT))
    at_coupon = await stack.enter_async_context(open_channel(settings.coupon_address, coupon_api.IDEMPOTENT))
    pay = await stack.enter_async_context(open_channel(settings.pay_address, pay_api.IDEMPOTENT))

    async def own(request: types_pb2.GetRefusalsRequest, call: Call) -> types_pb2.GetRefusalsReply:
        return await stored_refusals(db, request.gid)

    stock, coupon = stock_api.StockClient(at_stock), coupon_api.CouponClient(at_coupon)
    refusals = Refusals(
        {
            order_api.SERVICE_NAME: own,
            stock_api.SERVICE_NAME: stock.get_refusals,
            coupon_api.SERVICE_NAME: coupon.get_refusals,
            pay_api.SERVICE_NAME: pay_api.PayClient(pay).get_refusals,
        }
    )
    return refusals, Screening(coupon.check_many, stock.check_many, settings.order_screening_batches)


def _addresses(settings: Settings) -> Addresses:
    return Addresses(settings.order_address, settings.stock_address, settings.coupon_address, settings.pay_address)
