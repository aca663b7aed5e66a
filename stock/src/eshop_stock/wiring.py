"""The only place that names the concrete parts of the stock service."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from eshop_chassis import Api, ChassisHooks, Service
from eshop_chassis.calls import open_channel
from eshop_chassis.mysql import Housekeeping, Tables, expiring_refusals, open_mysql
from eshop_protos.flash_sale.v1 import flash_sale_api
from eshop_protos.stock.v1 import stock_api
from eshop_stock.crud import StockCrud
from eshop_stock.deduct import Deduction
from eshop_stock.flash import FlashSales
from eshop_stock.restart import RedisRestarts
from eshop_stock.run_store import RunStore
from eshop_stock.service import StockService
from eshop_stock.settings import Settings
from eshop_stock.store import StockStore

TABLES = Tables("eshop_stock", "eshop_stock", ("stock",))


@asynccontextmanager
async def open_service(settings: Settings, hooks: ChassisHooks) -> AsyncGenerator[Service]:
    """Opens the database and the channel to the flash-sale service, and closes them in reverse."""
    async with (
        open_mysql(settings, *TABLES) as db,
        open_channel(settings.flash_sale_address, flash_sale_api.IDEMPOTENT) as channel,
    ):
        store = StockStore()
        flash_sale = flash_sale_api.FlashSaleClient(channel)
        flash_sales = FlashSales(db, store, flash_sale, settings.flash_sale_settle_seconds)
        restarts = RedisRestarts(db, RunStore(), flash_sales, flash_sale)
        flash_sales.confirmed = restarts.confirmed
        service = StockService(db, store, StockCrud(db, store), Deduction(db, store, flash_sale), flash_sales)
        api = Api(
            stock_api.SERVICE_NAME, stock_api.stock_handlers(service, hooks), stock_api.stock_router(service, hooks)
        )
        housekeeping = Housekeeping(db, settings, "eshop_stock", [expiring_refusals(settings)])
        yield Service([api], {"MySQL": db.check}, [flash_sales.finish_openings, restarts.run, housekeeping.run])
