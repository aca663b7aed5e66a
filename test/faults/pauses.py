"""Rows in which a process stands still for a while and then goes on as if nothing had been."""

import asyncio

from extra_process import another
from scene import Scene, row

BEYOND_SESSION_SECONDS = 10.0


@row("stock-paused", "SIGSTOP stock 8 s")
async def stock_paused(scene: Scene) -> None:
    await scene.some(1, 3)
    await scene.shop.pause("stock", 8)
    scene.note("8 s")


@row("one-of-two-dtms-paused", "one of two DTMs on one store paused for 30 s", long=True, patience=180)
async def one_of_two_dtms_paused(scene: Scene) -> None:
    """The paused one goes on in the middle of its passes, over sagas that the other one has taken up since."""
    http, grpc = scene.lines["dtm_mysql_http"], scene.lines["dtm_mysql_grpc"]
    ports = {"HTTP_PORT": 301, "GRPC_PORT": 302}
    async with another(scene.shop, "dtm-mysql", ports, "/api/dtmsvr/version") as (_, there):
        await scene.some(1, 3)
        pausing = asyncio.create_task(scene.shop.pause("dtm-mysql", 30))
        http.lead_to(there["HTTP_PORT"])
        grpc.lead_to(there["GRPC_PORT"])
        await pausing
        scene.note("30 s")
        await scene.some(3, 6)
        for line in (http, grpc):
            line.lead_to(line.port)


@row("consumers-paused", "each of two consumers paused beyond its session", patience=150)
async def consumers_paused(scene: Scene) -> None:
    """What the first one was about to submit arrives when the second one has placed the same orders."""
    line, dtm = scene.lines["order_grpc"], scene.lines["dtm_mysql_grpc"]
    ports = {"ESHOP_ORDER_HTTP_PORT": 303, "ESHOP_ORDER_GRPC_PORT": 304}
    async with another(scene.shop, "order", ports, "/readyz") as (process, there):
        await scene.some(1, 2)
        dtm.hold(scene.shop.pid("order"))
        await scene.some(0.3, 0.8)
        line.lead_to(there["ESHOP_ORDER_GRPC_PORT"])
        pausing = asyncio.create_task(scene.shop.pause("order", BEYOND_SESSION_SECONDS))
        await asyncio.sleep(BEYOND_SESSION_SECONDS - 1)
        dtm.flow()
        await pausing
        scene.note("the first")
        line.lead_to(line.port)
        await scene.some(1, 2)
        await process.pause(BEYOND_SESSION_SECONDS)
        scene.note("the second")
        await scene.some(1, 2)


@row("redis-asleep", "Redis asleep for 5 s")
async def redis_asleep(scene: Scene) -> None:
    await scene.some(1, 3)
    await scene.shop.pause("redis", 5)
    scene.note("5 s")
