"""Every rpc of the suite, read from the generated descriptors: what it takes and returns, and where it is on HTTP."""

import re
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Any

from google.api import annotations_pb2
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message_factory import GetMessageClass

from eshop_deploy.stacks import services

APIS: dict[str, ModuleType] = {
    service.name: import_module(f"eshop_protos.{service.folder}.v1.{service.folder}_api") for service in services()
}


@dataclass(frozen=True)
class Rpc:
    """One rpc: `service` as in APIS, `path` on gRPC, `verb` and `route` on HTTP ("" where it is gRPC's alone)."""

    service: str
    name: str
    path: str
    request: type[Any]  # of Message, for whose DESCRIPTOR the types know two classes
    reply: type[Any]
    verb: str
    route: str
    has_body: bool

    @property
    def key(self) -> str:
        """stock.StockDeduct"""
        return f"{self.service}.{self.name}"

    @property
    def on_http(self) -> bool:
        return bool(self.route)

    @property
    def path_fields(self) -> tuple[str, ...]:
        """The fields that stand in the route."""
        return tuple(re.findall(r"{(\w+)}", self.route))


def _rpc(service: str, method: MethodDescriptor) -> Rpc:
    extension: Any = annotations_pb2.http
    http = method.GetOptions().Extensions[extension]
    verb = http.WhichOneof("pattern")
    return Rpc(
        service,
        method.name,
        f"/{method.containing_service.full_name}/{method.name}",
        GetMessageClass(method.input_type),
        GetMessageClass(method.output_type),
        verb.upper() if verb else "",
        getattr(http, verb) if verb else "",
        http.body == "*",
    )


RPCS: dict[str, Rpc] = {
    rpc.key: rpc
    for service, api in APIS.items()
    for rpc in (_rpc(service, method) for method in api.DESCRIPTOR.methods)
}

HTTP_RPCS = {key: rpc for key, rpc in RPCS.items() if rpc.on_http}
