"""A small service, run as a process of its own: the stock API with nothing behind it, and MySQL on demand."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager

import httpx
from pydantic import Field

from eshop_chassis import Api, ChassisHooks, MySQLSettings, Service, ServiceSettings, run
from eshop_chassis.logs import get_logger
from eshop_chassis.mysql.database import Database, execute, fetch, open_mysql
from eshop_protos.stock.v1 import stock_api
from eshop_protos.stock.v1 import stock_pb2 as pb
from protoc_gen_fastapi.runtime import Call

log = get_logger(__name__)


class Settings(ServiceSettings, MySQLSettings):
    http_port: int = Field(0, validation_alias="ESHOP_TRIAL_HTTP_PORT")
    grpc_port: int = Field(0, validation_alias="ESHOP_TRIAL_GRPC_PORT")
    trial_database: str = ""
    workers: int = 1


class TrialService(stock_api.StockApi):
    """`List` takes as many milliseconds as its page says; `GetByID` reads from MySQL."""

    def __init__(self, db: Database | None) -> None:
        self._db = db

    async def list(self, request: pb.ListStockRequest, call: Call) -> pb.ListStockReply:
        log.debug("listing")
        await asyncio.sleep(request.params.page / 1000)
        return pb.ListStockReply(total=request.params.page)

    async def get_by_id(self, request: pb.GetStockByIDRequest, call: Call) -> pb.GetStockByIDReply:
        assert self._db is not None
        [(number,)] = await self._db.run(lambda tx: fetch(tx, "SELECT %s", (request.id,)))
        return pb.GetStockByIDReply(stock=pb.Stock(id=number))


class Beside:
    """A background task that fails once, runs, and writes to its store when it is told to stop."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._starts = 0

    async def run(self) -> None:
        self._starts += 1
        if self._starts == 1:
            raise RuntimeError("not today")
        log.info("the task runs")
        try:
            await asyncio.sleep(3600)
        finally:
            await asyncio.sleep(0.1)
            await self._db.run(lambda tx: execute(tx, "INSERT INTO trial (id, num) VALUES (%s, 1)", (time.time_ns(),)))
            log.info("the task has tidied up")


@asynccontextmanager
async def open_service(settings: Settings, hooks: ChassisHooks) -> AsyncGenerator[Service]:
    async with AsyncExitStack() as stack:
        db = None
        if settings.trial_database:
            db = await stack.enter_async_context(open_mysql(settings, settings.trial_database, "chassis_trial"))
        http = await stack.enter_async_context(httpx.AsyncClient())
        stack.callback(log.info, "resources are closed", http=str(http))
        service = TrialService(db)  # pyright: ignore[reportAbstractUsage] - only what the tests call
        api = Api(
            stock_api.SERVICE_NAME, stock_api.stock_handlers(service, hooks), stock_api.stock_router(service, hooks)
        )
        yield Service([api], {"MySQL": db.check} if db else {}, [Beside(db).run] if db else [])


if __name__ == "__main__":
    run("trial", Settings, open_service)
