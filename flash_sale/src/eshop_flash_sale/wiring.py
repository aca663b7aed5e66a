"""The only place that names the concrete parts of the flash-sale service."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from aiodtm import open_dtm
from eshop_chassis import Api, ChassisHooks, Service
from eshop_chassis.dtm import check_dtm
from eshop_chassis.kafka import check_kafka, open_producer
from eshop_chassis.order_ids import OrderIds
from eshop_chassis.redis import check_redis, open_redis
from eshop_flash_sale.buy import Buying
from eshop_flash_sale.sale import Sales
from eshop_flash_sale.service import FlashSaleService
from eshop_flash_sale.settings import Settings
from eshop_protos.flash_sale.v1 import flash_sale_api


@asynccontextmanager
async def open_service(settings: Settings, hooks: ChassisHooks) -> AsyncGenerator[Service]:
    """Opens Redis, Kafka and DTM, and closes them in reverse."""
    async with (
        open_redis(settings) as redis,
        open_producer(settings) as producer,
        open_dtm(grpc=settings.dtm_redis_grpc, http=settings.dtm_redis_http) as dtm,
    ):
        sales, ids = Sales(redis), OrderIds(settings)
        buying = Buying(
            sales,
            dtm,
            ids,
            address=settings.flash_sale_address,
            wait_seconds=settings.flash_sale_wait_seconds,
            lanes=settings.flash_sale_lanes,
        )
        service = FlashSaleService(redis, sales, buying, producer, ids, settings.kafka_order_topic)
        api = Api(
            flash_sale_api.SERVICE_NAME,
            flash_sale_api.flash_sale_handlers(service, hooks),
            flash_sale_api.flash_sale_router(service, hooks),
        )
        checks = {
            "Redis": lambda: check_redis(redis),
            "Kafka": lambda: check_kafka(settings),
            "DTM": lambda: check_dtm(dtm),
        }
        yield Service([api], checks)
