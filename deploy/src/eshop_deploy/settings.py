"""Every setting of the bring-up, read from the environment; `.env.example` lists them with their meaning.

Port offset: a stack of another name runs beside the shop on ports that are all shifted by one number.
Settings hold the ports as they are listened on, so an offset is applied once, here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

from eshop_deploy.failures import BadSetting
from eshop_deploy.suite import services

SERVICES = tuple(service.name for service in services())

DEFAULT_PORTS: dict[str, int] = {
    "mysql": 3306,
    "redis": 6379,
    "kafka": 9092,
    "kafka_controller": 9093,
    "dtm_mysql_http": 36789,
    "dtm_mysql_grpc": 36790,
    "dtm_redis_http": 35789,
    "dtm_redis_grpc": 35790,
    **{f"{service.name}_http": service.http for service in services()},
    **{f"{service.name}_grpc": service.grpc for service in services()},
}


@dataclass(frozen=True)
class Settings:
    """`extra` holds ESHOP_ variables that only the services read (a log level, say); they are handed on."""

    ports: Mapping[str, int]
    extra: Mapping[str, str]
    stack: str = "shop"
    profile: str = "lab"
    host: str = "127.0.0.1"
    mysql_user: str = "root"
    mysql_password: str = "123456"  # noqa: S105 - the lab's well-known password, on loopback only
    mysql_buffer_pool: str = "256M"
    mysql_flush_at_commit: str = "1"
    redis_password: str = "123456"  # noqa: S105 - as above
    redis_appendfsync: str = "everysec"
    kafka_heap: str = "512m"
    kafka_partitions: str = "1"
    dtm_log_level: str = "warn"

    def shifted(self, offset: int) -> Settings:
        """The same settings with every port moved by `offset`."""
        ports = {name: _port(name, port + offset) for name, port in self.ports.items()}
        return replace(self, ports=ports)

    def address(self, name: str) -> str:
        """host:port of a named port."""
        return f"{self.host}:{self.ports[name]}"


_TEXTS = tuple(field.name for field in fields(Settings) if field.name not in ("ports", "extra"))
# Steer the tool itself and mean nothing to a running stack.
_TOOL_ONLY = {"ESHOP_STATE_DIR", "ESHOP_TOOLS_DIR", "ESHOP_PORT_OFFSET", "ESHOP_TEST_STACK", "ESHOP_PART_OF"}


def variable(port_name: str) -> str:
    """The environment variable that sets a port."""
    return f"ESHOP_{port_name.upper()}_PORT"


def read_settings(env: Mapping[str, str]) -> Settings:
    """Settings from variables, defaults where one is absent or empty."""
    given = {key: value for key, value in env.items() if key.startswith("ESHOP_") and value != ""}
    ports = {name: _port(name, given.get(variable(name), port)) for name, port in DEFAULT_PORTS.items()}
    texts = {name: given[key] for name in _TEXTS if (key := f"ESHOP_{name.upper()}") in given}
    known = {variable(name) for name in ports} | {f"ESHOP_{name.upper()}" for name in _TEXTS} | _TOOL_ONLY
    extra = {key: value for key, value in given.items() if key not in known}
    return Settings(ports=ports, extra=extra, **texts)


def _port(name: str, value: int | str) -> int:
    try:
        port = int(value)
    except ValueError:
        port = 0
    if not 0 < port < 65536:
        raise BadSetting(
            f"{variable(name)} would be {value!r}, and a port is a number from 1 to 65535",
            "Correct it in .env, or choose another --port-offset",
        )
    return port
