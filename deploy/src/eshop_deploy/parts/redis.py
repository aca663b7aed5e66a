"""Redis with an append-only file, synced once a second unless told otherwise."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from eshop_deploy import probes
from eshop_deploy.layout import StackDir
from eshop_deploy.part import Part
from eshop_deploy.settings import Settings
from eshop_deploy.tools import debian

NAME = "redis"

_CONFIG = """\
bind {host}
port {port}
dir "{data}"
requirepass "{password}"
appendonly yes
appendfsync {fsync}
# the append-only file is the only one: no second copy of everything, no fork for it under load
save ""
daemonize no
# it would overwrite the environment by which a bring-up knows its own processes
set-proc-title no
"""


def part(stack: StackDir, settings: Settings) -> Part:
    config = stack.config(NAME) / "redis.conf"
    return Part(
        name=NAME,
        argv=(debian.redis_server(), str(config)),
        host=settings.host,
        ports={"redis": settings.ports["redis"]},
        ready=partial(probes.redis, settings),
        prepare=partial(prepare, stack, settings, config),
    )


def prepare(stack: StackDir, settings: Settings, config: Path) -> None:
    config.parent.mkdir(parents=True, exist_ok=True)
    stack.data(NAME).mkdir(parents=True, exist_ok=True)
    config.write_text(
        _CONFIG.format(
            host=settings.host,
            port=settings.ports["redis"],
            data=stack.data(NAME),
            password=settings.redis_password.replace("\\", "\\\\").replace('"', '\\"'),
            fsync=settings.redis_appendfsync,
        )
    )
    config.chmod(0o600)
