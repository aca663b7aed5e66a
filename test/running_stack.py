"""Where the parts of the tested stack are.

ESHOP_TEST_STACK names the stack's env file (KEY=VALUE lines, as the bring-up writes them); `shop` means a running shop
on the standard ports, moved by whatever ESHOP_ variables say.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eshop_deploy.stacks import StackDir, services

VARIABLE = "ESHOP_TEST_STACK"
SKIP_REASON = f"no stack to test: `make test` starts one, {VARIABLE}=shop takes the running shop"

SERVICES = tuple(service.name for service in services())
_DEFAULTS = {
    "ESHOP_HOST": "127.0.0.1",
    "ESHOP_MYSQL_PORT": "3306",
    "ESHOP_MYSQL_USER": "root",
    "ESHOP_MYSQL_PASSWORD": "123456",
    "ESHOP_REDIS_PORT": "6379",
    "ESHOP_REDIS_PASSWORD": "123456",
    "ESHOP_KAFKA_PORT": "9092",
    "ESHOP_DTM_MYSQL_HTTP_PORT": "36789",
    "ESHOP_DTM_MYSQL_GRPC_PORT": "36790",
    "ESHOP_DTM_REDIS_HTTP_PORT": "35789",
    "ESHOP_DTM_REDIS_GRPC_PORT": "35790",
    "ESHOP_ORDER_ID_KEY": "",
    "ESHOP_KAFKA_ORDER_TOPIC": "flash-sale-order",
    "ESHOP_KAFKA_DEAD_LETTER_TOPIC": "flash-sale-order-dead-letter",
    **{f"ESHOP_{service.name.upper()}_HTTP_PORT": str(service.http) for service in services()},
    **{f"ESHOP_{service.name.upper()}_GRPC_PORT": str(service.grpc) for service in services()},
}


@dataclass(frozen=True)
class RunningStack:
    """Addresses of every part, out of the stack's variables."""

    env: Mapping[str, str]

    def __getitem__(self, name: str) -> str:
        return self.env.get(name) or _DEFAULTS[name]

    def grpc(self, service: str) -> str:
        """host:port of a service: user, product, order, stock, coupon, pay, flash_sale, gw."""
        return self.address(f"{service.upper()}_GRPC")

    def url(self, service: str) -> str:
        """The base URL of a service's HTTP side."""
        return f"http://{self.address(f'{service.upper()}_HTTP')}"

    def address(self, part: str) -> str:
        """host:port of a part, named as in its variable: KAFKA, DTM_REDIS_GRPC."""
        return f"{self['ESHOP_HOST']}:{self[f'ESHOP_{part}_PORT']}"

    def port_variables(self) -> dict[str, str]:
        """The environment for a program that is to find this stack."""
        return {name: self[name] for name in _DEFAULTS if name.endswith("_PORT")}

    def mysql(self) -> dict[str, Any]:
        """How to connect to MySQL."""
        return {
            "host": self["ESHOP_HOST"],
            "port": int(self["ESHOP_MYSQL_PORT"]),
            "user": self["ESHOP_MYSQL_USER"],
            "password": self["ESHOP_MYSQL_PASSWORD"],
        }

    def redis(self) -> dict[str, Any]:
        """How to connect to Redis."""
        return {
            "host": self["ESHOP_HOST"],
            "port": int(self["ESHOP_REDIS_PORT"]),
            "password": self["ESHOP_REDIS_PASSWORD"],
            "decode_responses": True,
        }


def named_stack() -> RunningStack | None:
    """The stack that the environment names, or None."""
    name = os.environ.get(VARIABLE, "")
    if not name:
        return None
    if name == "shop":
        chosen = {key: value for key, value in os.environ.items() if key in _DEFAULTS}
        secret = StackDir.named("shop").secret_file
        made = {"ESHOP_ORDER_ID_KEY": secret.read_text().strip()} if secret.is_file() else {}
        return RunningStack(made | chosen)
    lines = Path(name).read_text().splitlines()
    return RunningStack({key: value for key, _, value in (line.partition("=") for line in lines)})
