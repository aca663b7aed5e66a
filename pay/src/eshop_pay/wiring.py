"""The only place that names the concrete parts of the pay service."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from eshop_chassis import Api, ChassisHooks, Service
from eshop_chassis.mysql import Housekeeping, Tables, expiring_refusals, open_mysql
from eshop_pay.crud import PayCrud
from eshop_pay.service import PayService
from eshop_pay.settings import Settings
from eshop_pay.store import PayStore
from eshop_protos.pay.v1 import pay_api

TABLES = Tables("eshop_pay", "eshop_pay", ("pay",))


@asynccontextmanager
async def open_service(settings: Settings, hooks: ChassisHooks) -> AsyncGenerator[Service]:
    """Opens the database, and closes it in the end."""
    async with open_mysql(settings, *TABLES) as db:
        store = PayStore()
        service = PayService(db, store, PayCrud(db, store))
        api = Api(pay_api.SERVICE_NAME, pay_api.pay_handlers(service, hooks), pay_api.pay_router(service, hooks))
        housekeeping = Housekeeping(db, settings, "eshop_pay", [expiring_refusals(settings)])
        yield Service([api], {"MySQL": db.check}, [housekeeping.run])
