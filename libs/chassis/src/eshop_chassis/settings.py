"""The settings that services share. A service's own `Settings` adds its ports and whatever else it needs.

Every value comes from an environment variable named `ESHOP_` plus the field's name in capitals.
"""

import ipaddress
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

LAB_PASSWORD = "123456"  # noqa: S105 - what the original's local MySQL and Redis have


class UnusableSettingError(Exception):
    """Ends the process with its text, one line: what is wrong, and which setting to change."""


class EshopSettings(BaseSettings):
    """Base of all settings. Every group must have it: where groups are joined, the last one's configuration counts."""

    model_config = SettingsConfigDict(env_prefix="ESHOP_", populate_by_name=True, extra="ignore")


class ServiceSettings(EshopSettings):
    """What every service needs to serve."""

    profile: Literal["lab", "prod"] = Field(default="lab", description="lab is open and binds loopback only")
    host: str = Field(default="127.0.0.1", description="address that both ports listen on")
    allow_remote_access: bool = Field(
        default=False, description="lets the open lab profile listen on an address that others can reach"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="least level logged")
    log_format: Literal["json", "console"] = Field(
        default="json", description="one JSON object a line, or text for people"
    )
    event_loop: Literal["asyncio", "uvloop"] = Field(default="uvloop", description="event loop of the process")
    drain_seconds: float = Field(
        default=10.0, ge=0, le=3600, description="how long a stop waits for requests in flight"
    )
    grpc_connection_seconds: float = Field(
        default=0.0,
        ge=0,
        description="age at which a client is asked to connect anew, and so to look for new replicas; 0: never",
    )
    max_body_bytes: int = Field(default=1 << 20, gt=0, le=1 << 28, description="largest request body, bytes")
    request_timeout: float = Field(default=15.0, gt=0, description="deadline of an HTTP request, seconds")
    allowed_hosts: str = Field(
        default="",
        description="more names under which HTTP may be called, with commas; .example.com: all below it, *: any. "
        "Loopback is always allowed; where others reach this address, IP addresses and names without a dot are too",
    )
    cors_origins: str = Field(
        default="loopback",
        description="origins whose web pages may call, with commas, as https://shop.example.com; loopback stands for "
        "those of this machine, * for any; empty: none",
    )
    http_connections: int = Field(
        default=16_384, ge=1, description="most HTTP connections at once; further ones are answered with 503 and closed"
    )

    crash_points: str = Field(
        default="", description="folder in which fault tests arm points where the service dies; lab only"
    )

    http_port: int = Field(default=0, description="port of the HTTP side; 0 takes any free one")
    grpc_port: int = Field(default=0, description="port of the gRPC side; 0 takes any free one")

    @field_validator("http_port", "grpc_port")
    @classmethod
    def _is_port(cls, value: int) -> int:
        if not 0 <= value <= 65535:
            raise ValueError("a port is a number from 0 to 65535")
        return value

    @model_validator(mode="after")
    def _refuse_unsafe(self) -> Self:
        if self.profile == "prod" and self.crash_points:
            raise ValueError("ESHOP_CRASH_POINTS is for fault tests; a shop in the prod profile does not start with it")
        if self.profile == "prod":
            raise ValueError("ESHOP_PROFILE=prod is not available yet; the lab profile is the only one")
        if not is_loopback(self.host) and not self.allow_remote_access:
            raise ValueError(
                f"ESHOP_HOST={self.host}: the lab profile has no authentication and listens on loopback only; "
                "set ESHOP_ALLOW_REMOTE_ACCESS=true if everyone who can reach this address may use the shop"
            )
        return self


def is_loopback(host: str) -> bool:
    """True for an address that only this machine reaches."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class MySQLSettings(EshopSettings):
    """Where MySQL or MariaDB is."""

    mysql_host: str = Field(default="127.0.0.1", description="host of MySQL or MariaDB")
    mysql_port: int = Field(default=3306, gt=0, le=65535, description="its port")
    mysql_user: str = Field(default="root", description="the user to log in as")
    mysql_password: str = Field(default=LAB_PASSWORD, repr=False, description="that user's password")
    mysql_pool_size: int = Field(
        default=10, gt=0, description="most connections for transactions; lists have up to 4 more"
    )
    mysql_apply_schema: bool = Field(default=True, description="create and change databases and tables at start")
    mysql_lock_wait_timeout: int = Field(default=2, gt=0, description="innodb_lock_wait_timeout, seconds")


class RedisSettings(EshopSettings):
    """Where Redis is."""

    redis_host: str = Field(default="127.0.0.1", description="host of Redis")
    redis_port: int = Field(default=6379, gt=0, le=65535, description="its port")
    redis_password: str = Field(default=LAB_PASSWORD, repr=False, description='its password; "" where it has none')
    redis_db: int = Field(default=0, ge=0, description="number of the database")
    redis_pool_size: int = Field(default=50, gt=0, description="most connections that this process holds")
    redis_timeout: float = Field(default=2.0, gt=0, description="longest wait for one reply, seconds")


class KafkaSettings(EshopSettings):
    """Where Kafka is."""

    kafka_bootstrap: str = Field(
        default="127.0.0.1:9092", description='"host:port" of one broker or, with commas, several'
    )
    kafka_ack_timeout: float = Field(default=5.0, ge=1, description="longest wait for an acknowledgement, seconds")


class DtmMySQLSettings(EshopSettings):
    """Where the DTM server that stores in MySQL is."""

    dtm_mysql_grpc: str = Field(default="127.0.0.1:36790", description="its gRPC address")
    dtm_mysql_http: str = Field(default="127.0.0.1:36789", description="its HTTP address")


class DtmRedisSettings(EshopSettings):
    """Where the DTM server that stores in Redis is."""

    dtm_redis_grpc: str = Field(default="127.0.0.1:35790", description="its gRPC address")
    dtm_redis_http: str = Field(default="127.0.0.1:35789", description="its HTTP address")
