"""The runtime library that every service of a suite stands on."""

from eshop_chassis.crash_points import crash_point
from eshop_chassis.hooks import ChassisHooks
from eshop_chassis.idempotency import (
    KEPT_SECONDS,
    KEY_STILL_RUNNING,
    fingerprint,
    key_of,
    other_request,
    still_running,
    takes_keys,
)
from eshop_chassis.logs import get_logger
from eshop_chassis.process.run import run
from eshop_chassis.readiness import Check, MissingError, describe, find_missing
from eshop_chassis.serving.service import Api, Service
from eshop_chassis.settings import (
    DtmMySQLSettings,
    DtmRedisSettings,
    EshopSettings,
    KafkaSettings,
    MySQLSettings,
    RedisSettings,
    ServiceSettings,
)
from eshop_chassis.vocabulary import Vocabulary

__all__ = [
    "KEPT_SECONDS",
    "KEY_STILL_RUNNING",
    "Api",
    "ChassisHooks",
    "Check",
    "DtmMySQLSettings",
    "DtmRedisSettings",
    "EshopSettings",
    "KafkaSettings",
    "MissingError",
    "MySQLSettings",
    "RedisSettings",
    "Service",
    "ServiceSettings",
    "Vocabulary",
    "crash_point",
    "describe",
    "find_missing",
    "fingerprint",
    "get_logger",
    "key_of",
    "other_request",
    "run",
    "still_running",
    "takes_keys",
]
