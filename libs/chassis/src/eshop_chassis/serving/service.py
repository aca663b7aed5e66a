"""What a service hands to `run()`: its APIs, what it needs to be ready, what runs beside its requests."""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import grpc
from fastapi import APIRouter

from eshop_chassis.readiness import Check


@dataclass(frozen=True)
class Api:
    """One gRPC service and its HTTP routes, both calling the same object in process."""

    name: str
    handlers: grpc.GenericRpcHandler
    router: APIRouter


@dataclass(frozen=True)
class Service:
    """A service, wired and ready to be served.

    `checks` maps a part's name to a coroutine function that raises while the part is missing.
    `tasks` are coroutine functions that run until they are cancelled; they start once the service is ready.
    `duties` are checks of work that must go on. One that fails shows at /readyz and nowhere else: callers still come,
    because the work may need their calls to go on.
    """

    apis: Sequence[Api]
    checks: Mapping[str, Check] = field(default_factory=dict[str, Check])
    tasks: Sequence[Callable[[], Coroutine[Any, Any, None]]] = ()
    duties: Mapping[str, Check] = field(default_factory=dict[str, Check])
