"""SQLAlchemy's engine for MySQL 8 and MariaDB: how its connections are made, kept and found dead."""

import asyncio
import socket
from typing import Any, Literal, cast

import aiomysql
from sqlalchemy import URL, event
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from eshop_chassis.settings import MySQLSettings

Isolation = Literal["READ COMMITTED", "AUTOCOMMIT"]
CONNECT_SECONDS = 3.0
POOL_SECONDS = 3.0
RECYCLE_SECONDS = 1800
_SQL_MODE = "STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION"
# A server whose host vanished without a word is given up after half a minute, not after the kernel's hours.
_KEEP_ALIVE = {socket.TCP_KEEPIDLE: 10, socket.TCP_KEEPINTVL: 5, socket.TCP_KEEPCNT: 4, socket.TCP_USER_TIMEOUT: 30_000}


def open_engine(
    settings: MySQLSettings, database: str | None, *, size: int, isolation: Isolation = "READ COMMITTED"
) -> AsyncEngine:
    """An engine with at most `size` connections: utf8mb4, UTC, strict. Connects lazily."""
    session = (
        f"SET time_zone='+00:00', sql_mode='{_SQL_MODE}', innodb_lock_wait_timeout={settings.mysql_lock_wait_timeout}"
    )
    engine = create_async_engine(
        _url(settings, database),
        isolation_level=isolation,
        pool_size=size,
        max_overflow=0,
        pool_timeout=POOL_SECONDS,
        pool_recycle=RECYCLE_SECONDS,
        # Every use ends in COMMIT or ROLLBACK anyway: a second ROLLBACK costs a round trip.
        pool_reset_on_return=None,
        connect_args={"async_creator_fn": _connect, "connect_timeout": CONNECT_SECONDS, "init_command": session},
    )
    event.listen(engine.sync_engine, "checkout", _refuse_dead)
    return engine


def _url(settings: MySQLSettings, database: str | None) -> URL:
    return URL.create(
        "mysql+aiomysql",
        settings.mysql_user,
        settings.mysql_password,
        settings.mysql_host,
        settings.mysql_port,
        database,
        query={"charset": "utf8mb4"},
    )


async def _connect(*args: Any, **kwargs: Any) -> Any:
    """The driver's own limit ends with the TCP connection: a frozen server accepts that and never says hello."""
    async with asyncio.timeout(CONNECT_SECONDS):
        connection = cast("Any", await aiomysql.connect(*args, **kwargs))
    plug = connection._writer.transport.get_extra_info("socket")
    for option, value in _KEEP_ALIVE.items():
        plug.setsockopt(socket.IPPROTO_TCP, option, value)
    return connection


def _refuse_dead(_connection: Any, record: Any, _proxy: Any) -> None:
    """Lets the pool replace a connection that the server has closed since it was used last, as after a restart.

    aiomysql's own pool looks at the same three things. SQLAlchemy's pre-ping costs a round trip on every transaction.
    """
    reader = record.driver_connection._reader
    if reader is None or reader.at_eof() or reader.exception() or reader.eof_received:
        raise InvalidatePoolError
