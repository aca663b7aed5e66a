"""Measures sagas on the real DTMs, and what the barriers add. Prints one line for each; takes about 20 s.

    python benchmarks/measure.py

Addresses come from ESHOP_... variables as in the tests, with the same defaults.
"""

# ruff: noqa: T201, S608 - it prints, and its table names are its own

import asyncio
import os
import statistics
import time
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import grpc.aio
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from sqlalchemy import URL
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from aiodtm import Barrier, Dtm, RedisBarrier, Step, open_dtm, random_gid
from aiodtm.mysql import MySQLBarriers, barrier_schema

DATABASE = "aiodtm_bench"
DECREMENT = f"UPDATE {DATABASE}.stock SET num = num - 1 WHERE id = %s AND num >= 1"
SALE = """
local function business(KEYS, ARGV)
    return 'ok', tostring(redis.call('DECR', KEYS[1]))
end
"""


async def timed(name: str, call: Callable[[], Awaitable[object]], times: int = 300) -> None:
    for _ in range(20):
        await call()
    taken: list[float] = []
    for _ in range(times):
        start = time.perf_counter()
        await call()
        taken.append((time.perf_counter() - start) * 1e3)
    taken.sort()
    print(f"{name:58} {statistics.median(taken):7.2f} ms median {taken[int(times * 0.95)]:7.2f} ms p95")


async def measure_dtm(name: str, dtm: Dtm, bank: str) -> None:
    def saga(steps: int, *, fresh: bool) -> Callable[[], Awaitable[object]]:
        async def submit() -> None:
            saga = dtm.saga(random_gid(), fresh=fresh)
            for _ in range(steps):
                saga.step(Step(f"{bank}/Do", f"{bank}/Undo", b"x" * 100))
            assert (await saga.submit()).status == "succeed"  # noqa: S101

        return submit

    async def refused() -> None:
        saga = dtm.saga(random_gid(), fresh=True)
        for action in ("Do", "Do", "Refuse"):
            saga.step(Step(f"{bank}/{action}", f"{bank}/Undo", b""))
        assert (await saga.submit()).status == "failed"  # noqa: S101

    async def message() -> None:
        message = dtm.message(random_gid(), f"{bank}/Back", fresh=True)
        message.step(f"{bank}/Do", b"x" * 100)
        await message.prepare()
        assert (await message.submit()).status == "succeed"  # noqa: S101

    await timed(f"{name}: saga of 1 step, fresh", saga(1, fresh=True))
    await timed(f"{name}: saga of 1 step, asked about first", saga(1, fresh=False))
    await timed(f"{name}: saga of 3 steps, fresh", saga(3, fresh=True))
    await timed(f"{name}: saga of 3 steps, the last refuses", refused)
    await timed(f"{name}: message of 1 step, prepare and submit", message)
    await throughput(name, saga(3, fresh=True))


async def throughput(name: str, call: Callable[[], Awaitable[object]], workers: int = 16, times: int = 60) -> None:
    async def work() -> None:
        for _ in range(times):
            await call()

    start = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(workers)))
    rate = workers * times / (time.perf_counter() - start)
    print(f"{f'{name}: sagas of 3 steps, {workers} at a time':58} {rate:7.0f} a second")


async def measure_mysql(engine: AsyncEngine) -> None:
    async with engine.begin() as tx:
        await tx.exec_driver_sql("SET sql_notes = 0")
        for statement in barrier_schema(f"{DATABASE}.barrier").split(";"):
            if statement.strip():
                await tx.exec_driver_sql(statement)
        await tx.exec_driver_sql(f"CREATE TABLE IF NOT EXISTS {DATABASE}.stock (id INT PRIMARY KEY, num INT)")
        await tx.exec_driver_sql(f"REPLACE INTO {DATABASE}.stock (id, num) VALUES (1, 1000000)")

    async def work(tx: AsyncConnection) -> None:
        await tx.exec_driver_sql(DECREMENT, (1,))

    async def bare() -> None:
        async with engine.begin() as tx:
            await work(tx)

    async def guarded(op: str, gid: str) -> None:
        await barriers.once(Barrier(gid, "saga", "01", op), work)

    barriers = MySQLBarriers(engine, f"{DATABASE}.barrier")
    gids = iter([random_gid() for _ in range(320)])
    undo = iter([random_gid() for _ in range(320)])
    repeated = random_gid()
    await timed("MySQL: UPDATE and COMMIT without a barrier", bare)
    await timed("MySQL: the same as a guarded action", lambda: guarded("action", next(gids)))
    await timed("MySQL: a repeated action", lambda: guarded("action", repeated))
    await timed("MySQL: an empty compensation", lambda: guarded("compensate", next(undo)))
    async with engine.begin() as tx:
        await tx.exec_driver_sql(f"DROP DATABASE {DATABASE}")


async def measure_redis(redis: Redis) -> None:
    key = "aiodtm-bench:{1}:n"

    async def bare() -> None:
        await redis.decr(key)

    async def guarded() -> None:
        barrier = Barrier(random_gid(), "saga", "01", "action")
        await RedisBarrier(barrier, "aiodtm-bench:{1}", ttl=60).once(redis, SALE, [key])

    await timed("Redis: DECR without a barrier", bare, 2000)
    await timed("Redis: the same as a guarded script", guarded, 2000)
    await redis.delete(key)


async def no_op(payload: bytes, context: "grpc.aio.ServicerContext[bytes, bytes]") -> bytes:
    return b""


async def refuse(payload: bytes, context: "grpc.aio.ServicerContext[bytes, bytes]") -> bytes:
    await context.abort(grpc.StatusCode.ABORTED, "NO")


async def main() -> None:
    server = grpc.aio.server()
    answers = {"Do": no_op, "Undo": no_op, "Back": no_op, "Refuse": refuse}
    handlers: dict[str, Any] = {n: grpc.unary_unary_rpc_method_handler(a) for n, a in answers.items()}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("bench.Branch", handlers),))
    bank = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}/bench.Branch"
    await server.start()
    environ = os.environ.get
    for name, port in (("mysql", 36790), ("redis", 35790)):
        grpc_address = environ(f"ESHOP_DTM_{name.upper()}_GRPC", f"127.0.0.1:{port}")
        http_address = environ(f"ESHOP_DTM_{name.upper()}_HTTP", f"127.0.0.1:{port - 1}")
        async with open_dtm(grpc_address, http_address) as dtm:
            await measure_dtm(f"DTM on {name}", dtm, bank)
    await server.stop(None)

    url = URL.create(
        "mysql+aiomysql",
        environ("ESHOP_MYSQL_USER", "root"),
        environ("ESHOP_MYSQL_PASSWORD", "123456"),
        environ("ESHOP_MYSQL_HOST", "127.0.0.1"),
        int(environ("ESHOP_MYSQL_PORT", "3306")),
    )
    engine = create_async_engine(url, isolation_level="READ COMMITTED", pool_reset_on_return=None)
    await measure_mysql(engine)
    await engine.dispose()
    redis = Redis(
        host=environ("ESHOP_REDIS_HOST", "127.0.0.1"),
        port=int(environ("ESHOP_REDIS_PORT", "6379")),
        password=environ("ESHOP_REDIS_PASSWORD", "123456"),
        retry=Retry(NoBackoff(), 0),
    )
    await measure_redis(redis)
    await redis.aclose()


if __name__ == "__main__":
    asyncio.run(main())
