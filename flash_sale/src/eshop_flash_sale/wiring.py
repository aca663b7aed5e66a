"""The only place that names the concrete parts of the flash-sale service."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from aiodtm import open_dtm
from eshop_chassis import Api, ChassisHooks, Check, Service, takes_keys
from eshop_chassis.calls import open_channel
from eshop_chassis.dtm import Recovery, check_dtm
from eshop_chassis.kafka import check_kafka, open_producer
from eshop_chassis.redis import check_redis, open_redis
from eshop_contract import OrderIds, QueueSeal
from eshop_flash_sale.buying.buy import Buying
from eshop_flash_sale.buying.messages import Messages
from eshop_flash_sale.delivery.delivery import Delivery
from eshop_flash_sale.delivery.drain import QueueDrain
from eshop_flash_sale.idempotency.records import KeyRecords
from eshop_flash_sale.idempotency.requests import KeyedBuying
from eshop_flash_sale.sale.runs import RedisRuns
from eshop_flash_sale.sale.sales import Sales
from eshop_flash_sale.service import FlashSaleService
from eshop_flash_sale.settings import Settings
from eshop_protos.flash_sale.v1 import flash_sale_api
from eshop_protos.order.v1 import order_api

# A buyer may wait for a sale that is being set, and then for the queue.
LEASE_MARGIN_SECONDS = 7.0


@asynccontextmanager
async def open_service(settings: Settings, hooks: ChassisHooks) -> AsyncGenerator[Service]:
    """Opens Redis, Kafka and DTM, and closes them in reverse."""
    runs = RedisRuns()
    async with (
        open_redis(settings, runs.on_connect) as redis,
        open_producer(settings) as producer,
        open_dtm(grpc=settings.dtm_redis_grpc, http=settings.dtm_redis_http) as dtm,
        open_channel(settings.order_address) as order_channel,
    ):
        sales, ids, drain = (
            Sales(redis, runs),
            OrderIds(settings),
            QueueDrain(settings, settings.kafka_order_topic, settings.kafka_order_group),
        )
        delivery = Delivery(redis, producer, settings.kafka_order_topic, QueueSeal(settings), drain)
        buying = Buying(
            sales,
            Messages(dtm, address=settings.flash_sale_address),
            delivery,
            ids,
            order_api.OrderClient(order_channel),
            wait_seconds=settings.flash_sale_wait_seconds,
            lanes=settings.flash_sale_lanes,
        )
        records = KeyRecords(
            redis,
            lease_seconds=settings.flash_sale_wait_seconds + LEASE_MARGIN_SECONDS,
            most_per_user=settings.flash_sale_keys_per_user,
        )
        service = FlashSaleService(sales, buying, KeyedBuying(records, ids, buying), delivery, drain, ids)
        api = Api(
            flash_sale_api.SERVICE_NAME,
            flash_sale_api.flash_sale_handlers(service, hooks),
            takes_keys(flash_sale_api.flash_sale_router(service, hooks), "FlashSale"),
        )
        checks: dict[str, Check] = {
            "Redis": lambda: check_redis(redis),
            "Kafka": lambda: check_kafka(settings),
            "DTM": lambda: check_dtm(dtm),
        }
        yield Service([api], checks, [Recovery(dtm, checks).run])
