"""The only place that names the concrete parts of the coupon service."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from eshop_chassis import Api, ChassisHooks, Service
from eshop_chassis.mysql import Housekeeping, Tables, expiring_refusals, open_mysql
from eshop_coupon.crud import CouponCrud
from eshop_coupon.service import CouponService
from eshop_coupon.settings import Settings
from eshop_coupon.store import CouponStore
from eshop_protos.coupon.v1 import coupon_api

TABLES = Tables("eshop_coupon", "eshop_coupon", ("coupon",))


@asynccontextmanager
async def open_service(settings: Settings, hooks: ChassisHooks) -> AsyncGenerator[Service]:
    """Opens the database, and closes it in the end."""
    async with open_mysql(settings, *TABLES) as db:
        store = CouponStore()
        service = CouponService(db, store, CouponCrud(db, store))
        api = Api(
            coupon_api.SERVICE_NAME,
            coupon_api.coupon_handlers(service, hooks),
            coupon_api.coupon_router(service, hooks),
        )
        housekeeping = Housekeeping(db, settings, "eshop_coupon", [expiring_refusals(settings)])
        yield Service([api], {"MySQL": db.check}, [housekeeping.run])
