"""The DTM server, twice: its transactions in MySQL for orders, in Redis for flash sales."""

from __future__ import annotations

from functools import partial

from eshop_deploy import probes
from eshop_deploy.layout import tools_dir
from eshop_deploy.part import Part
from eshop_deploy.settings import Settings


def parts(settings: Settings) -> list[Part]:
    mysql = {
        "STORE_DRIVER": "mysql",
        "STORE_PORT": str(settings.ports["mysql"]),
        "STORE_USER": settings.mysql_user,
        "STORE_PASSWORD": settings.mysql_password,
        "STORE_DB": "dtm",
    }
    redis = {
        "STORE_DRIVER": "redis",
        "STORE_PORT": str(settings.ports["redis"]),
        "STORE_PASSWORD": settings.redis_password,
    }
    return [_part(settings, "mysql", mysql), _part(settings, "redis", redis)]


def _part(settings: Settings, store: str, store_env: dict[str, str]) -> Part:
    ports = {name: settings.ports[name] for name in (f"dtm_{store}_http", f"dtm_{store}_grpc")}
    http, grpc = ports.values()
    env = {
        "DTM_LISTEN_HOST": settings.host,
        "HTTP_PORT": str(http),
        "GRPC_PORT": str(grpc),
        "STORE_HOST": settings.host,
        "LOG_LEVEL": settings.dtm_log_level,
        "GIN_MODE": "release",
    }
    return Part(
        name=f"dtm-{store}",
        argv=(str(tools_dir() / "dtm" / "dtm"),),
        host=settings.host,
        env={**env, **store_env},
        ports=ports,
        ready=partial(_ready, settings.host, http, grpc),
        needs=(store,),
        stop_seconds=5,
    )


def _ready(host: str, http: int, grpc: int) -> str | None:
    return probes.http_ok(host, http, "/api/dtmsvr/version") or probes.tcp(host, grpc)
