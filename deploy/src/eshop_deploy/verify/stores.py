"""The stores of a stack, opened for reading."""

from __future__ import annotations

import contextlib
import http.client
import json
from collections.abc import Collection, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

import pymysql
import redis

from eshop_deploy.failures import PartFailed
from eshop_deploy.settings import Settings

T = TypeVar("T")
Row = tuple[Any, ...]
CHUNK = 500
QUERY_SECONDS = 600


@dataclass(frozen=True)
class Snapshot:
    """All MySQL databases as they were at one moment."""

    link: pymysql.Connection[Any]

    def rows(self, sql: str, values: Sequence[object] = ()) -> list[Row]:
        """All rows of a query."""
        with self.link.cursor() as cursor:
            cursor.execute(sql, values or None)
            return list(cursor.fetchall())

    def number(self, sql: str, values: Sequence[object] = ()) -> int:
        """The only value of a query, as a whole number."""
        return int(self.rows(sql, values)[0][0] or 0)

    def among(self, sql: str, names: Collection[object]) -> Iterator[Row]:
        """The rows of a query for many values: `sql` holds IN (...) with {} for the marks."""
        for chunk in chunks(names):
            yield from self.rows(sql.format(", ".join(["%s"] * len(chunk))), chunk)


def chunks(things: Iterable[T], size: int = CHUNK) -> Iterator[list[T]]:
    """The things in pieces that fit into one statement."""
    rest = iter(things)
    while piece := list(islice(rest, size)):
        yield piece


@contextmanager
def open_mysql(settings: Settings) -> Generator[pymysql.Connection[Any]]:
    """A connection that reads."""
    try:
        link: pymysql.Connection[Any] = pymysql.connect(
            host=settings.host,
            port=settings.ports["mysql"],
            user=settings.mysql_user,
            password=settings.mysql_password,
            connect_timeout=5,
            read_timeout=QUERY_SECONDS,
            autocommit=True,
        )
    except pymysql.MySQLError as error:
        raise PartFailed(f"MySQL can't be read: {error.args[-1]}", "See: eshop status") from error
    try:
        yield link
    finally:
        with contextlib.suppress(pymysql.Error):
            link.close()


@contextmanager
def snapshot(link: pymysql.Connection[Any]) -> Generator[Snapshot]:
    """Everything that is read in it was committed before this moment, in all databases alike."""
    with link.cursor() as cursor:
        # For this transaction only: the connection may be somebody's who writes, too.
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        cursor.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT")
    try:
        yield Snapshot(link)
    finally:
        link.rollback()


@contextmanager
def open_redis(settings: Settings) -> Generator[redis.Redis]:
    """Redis, which holds the flash sales and the second DTM's store."""
    link = redis.Redis(
        settings.host,
        settings.ports["redis"],
        password=settings.redis_password or None,
        decode_responses=True,
        socket_timeout=30,
        socket_connect_timeout=5,
    )
    try:
        link.ping()
        yield link
    except redis.RedisError as error:
        raise PartFailed(f"Redis can't be read: {error}", "See: eshop status") from error
    finally:
        link.close()


def ask(settings: Settings, port: str, method: str, path: str, body: object = None) -> Any:
    """A JSON answer from an HTTP port of the stack. Raises PartFailed with what it said instead."""
    link = http.client.HTTPConnection(settings.host, settings.ports[port], timeout=30)
    payload = None if body is None else json.dumps(body)
    with contextlib.closing(link):
        try:
            link.request(method, path, payload, {"Content-Type": "application/json"})
            reply = link.getresponse()
            text = reply.read()
        except (OSError, http.client.HTTPException) as error:
            raise PartFailed(f"{path} does not answer: {error}", "See: eshop status") from error
    if reply.status != 200:
        raise PartFailed(f"{path} answers {reply.status}: {text[:200].decode(errors='replace')}")
    return json.loads(text)
