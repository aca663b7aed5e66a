"""The services, and what each is started with.

They are started together with the stores: loading their code takes longer than a store takes to come up, and each
waits for its own stores and says at /readyz which it misses.
"""

from __future__ import annotations

import importlib.util
import sys
from functools import partial

from eshop_deploy import probes
from eshop_deploy.environment import render
from eshop_deploy.part import Part
from eshop_deploy.settings import SERVICES, Settings


def package(service: str) -> str:
    return f"eshop_{service}"


def missing() -> list[str]:
    """Services whose package is not installed beside this tool."""
    return [name for name in SERVICES if not _installed(package(name))]


def _installed(name: str) -> bool:
    """A folder of that name in the current one is found as well, but has no origin."""
    spec = importlib.util.find_spec(name)
    return spec is not None and spec.origin is not None


def parts(settings: Settings) -> list[Part]:
    env = {**render(settings), "PYTHONUNBUFFERED": "1"}
    return [_part(settings, name, env) for name in SERVICES]


def _part(settings: Settings, name: str, env: dict[str, str]) -> Part:
    ports = {port: settings.ports[port] for port in (f"{name}_http", f"{name}_grpc")}
    return Part(
        name=name,
        argv=(sys.executable, "-m", package(name)),
        host=settings.host,
        env=env,
        ports=ports,
        start_seconds=600,  # it may wait that long for a store, and would be no nearer to ready after a restart
        ready=partial(probes.http_ok, settings.host, ports[f"{name}_http"], "/readyz"),
    )
