"""The only place that names the concrete parts of the product service."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from eshop_chassis import Api, ChassisHooks, Service
from eshop_chassis.mysql import Tables, open_mysql
from eshop_product.service import ProductService
from eshop_product.settings import Settings
from eshop_product.store import ProductStore
from eshop_protos.product.v1 import product_api

TABLES = Tables("eshop_product", "eshop_product", ("product",))


@asynccontextmanager
async def open_service(settings: Settings, hooks: ChassisHooks) -> AsyncGenerator[Service]:
    """Opens the database, and closes it in the end."""
    async with open_mysql(settings, *TABLES) as db:
        service = ProductService(db, ProductStore())
        api = Api(
            product_api.SERVICE_NAME,
            product_api.product_handlers(service, hooks),
            product_api.product_router(service, hooks),
        )
        yield Service([api], {"MySQL": db.check})
