"""The only place that names the concrete parts of the user service."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from eshop_chassis import Api, ChassisHooks, Service
from eshop_chassis.mysql import Tables, open_mysql
from eshop_protos.user.v1 import user_api
from eshop_user.passwords import Passwords
from eshop_user.service import UserService
from eshop_user.settings import Settings
from eshop_user.store import UserStore

TABLES = Tables("eshop_user", "eshop_user", ("user",))


@asynccontextmanager
async def open_service(settings: Settings, hooks: ChassisHooks) -> AsyncGenerator[Service]:
    """Opens the database, and closes it in the end."""
    async with open_mysql(settings, *TABLES) as db:
        service = UserService(db, UserStore(), Passwords())
        api = Api(user_api.SERVICE_NAME, user_api.user_handlers(service, hooks), user_api.user_router(service, hooks))
        yield Service([api], {"MySQL": db.check})
