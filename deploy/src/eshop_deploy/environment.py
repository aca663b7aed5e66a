"""The environment of a stack: what each service is told, written to the stack's `env` file and read back."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from eshop_deploy.layout import StackDir
from eshop_deploy.settings import SERVICES, Settings, read_settings, variable


def chosen_settings(stack: str, offset: int) -> Settings:
    """What the user asks for: the shell's variables, into which the command has read `.env` before."""
    return replace(read_settings(os.environ), stack=stack).shifted(offset)


def render(settings: Settings) -> dict[str, str]:
    """Every ESHOP_ variable of a stack. Reading these with read_settings gives the same settings again."""
    env = dict(settings.extra)
    env.update({variable(name): str(port) for name, port in settings.ports.items()})
    for service in SERVICES:
        env.setdefault(f"ESHOP_{service.upper()}_ADDRESS", settings.address(f"{service}_grpc"))
    # An address that was set stays, for whoever puts something in between.
    return {**_addresses(settings), **env, **_texts(settings)}


def _addresses(settings: Settings) -> dict[str, str]:
    return {
        "ESHOP_MYSQL_HOST": settings.host,
        "ESHOP_REDIS_HOST": settings.host,
        "ESHOP_KAFKA_BOOTSTRAP": settings.address("kafka"),
        "ESHOP_DTM_MYSQL_HTTP": settings.address("dtm_mysql_http"),
        "ESHOP_DTM_MYSQL_GRPC": settings.address("dtm_mysql_grpc"),
        "ESHOP_DTM_REDIS_HTTP": settings.address("dtm_redis_http"),
        "ESHOP_DTM_REDIS_GRPC": settings.address("dtm_redis_grpc"),
    }


def _texts(settings: Settings) -> dict[str, str]:
    return {
        f"ESHOP_{name.upper()}": str(value) for name, value in vars(settings).items() if name not in ("ports", "extra")
    }


def write_env(stack: StackDir, settings: Settings) -> None:
    lines = [f"{key}={value}\n" for key, value in sorted(render(settings).items())]
    stack.env_file.write_text("".join(lines))
    stack.env_file.chmod(0o600)


def read_env(path: Path) -> Mapping[str, str]:
    """KEY=VALUE lines, taken literally: a password may hold quotes, # or $."""
    pairs = (line.partition("=") for line in path.read_text().splitlines() if "=" in line)
    return {key: value for key, _, value in pairs}


def saved_settings(stack: StackDir) -> Settings:
    return read_settings(read_env(stack.env_file))
