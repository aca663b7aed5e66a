"""The runtime library that every eshop service stands on."""

from eshop_chassis.hooks import ChassisHooks
from eshop_chassis.run import run
from eshop_chassis.service import Api, Service
from eshop_chassis.settings import (
    DtmMySQLSettings,
    DtmRedisSettings,
    KafkaSettings,
    MySQLSettings,
    RedisSettings,
    ServiceSettings,
)

__all__ = [
    "Api",
    "ChassisHooks",
    "DtmMySQLSettings",
    "DtmRedisSettings",
    "KafkaSettings",
    "MySQLSettings",
    "RedisSettings",
    "Service",
    "ServiceSettings",
    "run",
]
