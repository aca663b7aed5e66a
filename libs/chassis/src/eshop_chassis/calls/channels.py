"""gRPC channels to other services: ready replicas in turn, keep-alive, retry of reads only."""

import ipaddress
import json
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import cast

import grpc
import grpc.aio

from eshop_chassis.calls.healthy_first import HealthyFirst
from eshop_chassis.settings import UnusableSettingError

Method = tuple[str, str]


@asynccontextmanager
async def open_channel(
    addresses: str, idempotent: Iterable[Method] = (), *, max_bytes: int = 16 << 20
) -> AsyncGenerator[grpc.aio.Channel]:
    """Opens a channel to `addresses`: one "host:port", several with commas, or "dns:///name:port". Connects lazily.

    `idempotent` names the (service, method) pairs that may be sent again when the server was unreachable or stopped.
    Ready replicas are called in turn; while none is ready, all are.
    """
    healthy, every = (
        grpc.aio.insecure_channel(target(addresses), options(idempotent, max_bytes, healthy=healthy))
        for healthy in (True, False)
    )
    channel = HealthyFirst(healthy, every)
    try:
        yield cast("grpc.aio.Channel", channel)
    finally:
        await channel.close()


def target(addresses: str) -> str:
    """The gRPC target for a list of addresses. Raises UnusableSettingError: gRPC itself would only never connect."""
    listed = [a.strip() for a in addresses.split(",") if a.strip()]
    if not listed:
        raise UnusableSettingError("the address of a service is empty; it is host:port, or several with commas")
    for address in listed:
        if not address.rpartition(":")[2].isdecimal():
            raise UnusableSettingError(f"{address!r} is not the address of a service: it has no port")
    return listed[0] if len(listed) == 1 else _target_of_several(listed)


def _target_of_several(addresses: Sequence[str]) -> str:
    versions = {_ip_version(address.rpartition(":")[0].strip("[]")) for address in addresses}
    if len(versions) != 1 or None in versions:
        raise UnusableSettingError(
            f"{','.join(addresses)}: several addresses must be IPv4 ones, or IPv6 ones; "
            "for names use one name that stands for all of them, as in dns:///stock:30382"
        )
    return f"ipv{versions.pop()}:{','.join(addresses)}"


def _ip_version(host: str) -> int | None:
    try:
        return ipaddress.ip_address(host).version
    except ValueError:
        return None


def options(idempotent: Iterable[Method], max_bytes: int, *, healthy: bool) -> list[tuple[str, int | str]]:
    """Channel options; reconnects soon, because a restarted service is back within a second.

    `healthy`: only replicas that say that they are ready are called.
    """
    return [
        ("grpc.service_config", json.dumps(_service_config(idempotent, healthy=healthy))),
        ("grpc.keepalive_time_ms", 30_000),
        ("grpc.keepalive_timeout_ms", 5_000),
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.min_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", 1_000),
        # A container that restarts may come back with another address.
        ("grpc.dns_min_time_between_resolutions_ms", 1_000),
        ("grpc.max_receive_message_length", max_bytes),
        ("grpc.use_local_subchannel_pool", 1),
    ]


def _service_config(idempotent: Iterable[Method], *, healthy: bool) -> dict[str, object]:
    retry = {
        "maxAttempts": 3,
        "initialBackoff": "0.05s",
        "maxBackoff": "0.5s",
        "backoffMultiplier": 3,
        # Other servers answer CANCELLED to a call that they had not begun when they stopped.
        "retryableStatusCodes": ["UNAVAILABLE", "CANCELLED"],
    }
    names = [{"service": service, "method": method} for service, method in idempotent]
    config: dict[str, object] = {"loadBalancingConfig": [{"round_robin": {}}]}
    if healthy:
        config["healthCheckConfig"] = {"serviceName": ""}
    if names:
        config["methodConfig"] = [{"name": names, "retryPolicy": retry}]
    return config
