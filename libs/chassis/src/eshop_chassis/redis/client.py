"""Redis: one client per process, which never repeats a command: a script may have run although its reply was lost."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import (
    BusyLoadingError,
    ClusterDownError,
    ConnectionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    TimeoutError,
    TryAgainError,
)
from redis.maint_notifications import MaintNotificationsConfig

from eshop_chassis.hooks import away, translates
from eshop_chassis.readiness import MissingError, describe
from eshop_chassis.settings import RedisSettings
from protoc_gen_fastapi.runtime import Unavailable


# A reply of Redis is a fact about the command, with these exceptions: it is loading, full, or not the one to write to.
@translates(
    ConnectionError,
    TimeoutError,
    BusyLoadingError,
    ReadOnlyError,
    OutOfMemoryError,
    ClusterDownError,
    TryAgainError,
)
def _away(error: RedisError) -> Unavailable:
    return away("Redis did not answer", error, "the store does not answer; try again")


@asynccontextmanager
async def open_redis(
    settings: RedisSettings, on_connect: Callable[[Any], Awaitable[None]] | None = None
) -> AsyncGenerator[Redis]:
    """Opens a client whose replies are `str`. Connects lazily, and again where Redis has closed the connection.

    `on_connect` is given each new connection and must call its `on_connect()` first.
    """
    pool = BlockingConnectionPool(
        # With no such limit a rush opens a connection for every call, and the process runs out of files.
        max_connections=settings.redis_pool_size,
        timeout=settings.redis_timeout,
        host=settings.redis_host,
        port=settings.redis_port,
        db=settings.redis_db,
        password=settings.redis_password or None,
        socket_timeout=settings.redis_timeout,
        socket_connect_timeout=settings.redis_timeout,
        retry=Retry(NoBackoff(), 0),
        decode_responses=True,
        redis_connect_func=on_connect,
        # They are Redis Enterprise's, and with them on, redis-py no longer looks whether a connection has been closed
        # before it uses it: after a restart of Redis every connection would fail one call.
        maint_notifications_config=MaintNotificationsConfig(enabled=False),
    )
    client = Redis.from_pool(pool)
    try:
        yield client
    finally:
        await client.aclose()


async def check_redis(client: Redis) -> None:
    """Raises while Redis does not answer."""
    try:
        await client.ping()
    except RedisError as error:
        where = cast("dict[str, object]", client.connection_pool.connection_kwargs)
        text = f"{where['host']}:{where['port']}: {describe(error)}; see ESHOP_REDIS_HOST, _PORT and _PASSWORD"
        raise MissingError(text) from error
