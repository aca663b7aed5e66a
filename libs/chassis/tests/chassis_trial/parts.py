"""Where the real parts are. A part that does not answer skips the test that needs it."""

import os
import socket
from functools import cache
from pathlib import Path
from typing import TypeVar

import pytest

from eshop_chassis import DtmMySQLSettings, KafkaSettings, MySQLSettings, RedisSettings

S = TypeVar("S")


@cache
def environment() -> dict[str, str]:
    """The ESHOP_ variables; where ESHOP_TEST_STACK names a stack's env file, what that says counts more."""
    stack = Path(os.environ.get("ESHOP_TEST_STACK", ""))
    lines = stack.read_text().splitlines() if stack.is_file() else []
    told = {key: value for key, _, value in (line.partition("=") for line in lines)}
    return {k: v for k, v in {**os.environ, **told}.items() if k.startswith("ESHOP_")}


def mysql(**changes: object) -> MySQLSettings:
    """The settings of MySQL; the test is skipped without one."""
    found = _settings(MySQLSettings)
    needs("MySQL", found.mysql_host, found.mysql_port)
    return found.model_copy(update={"mysql_lock_wait_timeout": 1, **changes})


def redis(**changes: object) -> RedisSettings:
    found = _settings(RedisSettings)
    needs("Redis", found.redis_host, found.redis_port)
    return found.model_copy(update=changes)


def kafka(**changes: object) -> KafkaSettings:
    found = _settings(KafkaSettings)
    host, _, port = found.kafka_bootstrap.partition(":")
    needs("Kafka", host, int(port))
    return found.model_copy(update=changes)


def dtm() -> DtmMySQLSettings:
    found = _settings(DtmMySQLSettings)
    host, _, port = found.dtm_mysql_grpc.partition(":")
    needs("DTM", host, int(port))
    return found


def needs(part: str, host: str, port: int) -> None:
    """Skips the test where nothing listens."""
    if not _listens(host, port):
        pytest.skip(f"{part} does not answer at {host}:{port}")


def _settings(kind: type[S]) -> S:
    with pytest.MonkeyPatch.context() as patch:
        for key, value in environment().items():
            patch.setenv(key, value)
        return kind()


@cache
def _listens(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(2)
        return probe.connect_ex((host, port)) == 0
