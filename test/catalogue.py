"""Every rpc of the suite, read from the generated descriptors: what it takes and returns, and where it is on HTTP."""

import re
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from google.api import annotations_pb2
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message_factory import GetMessageClass

from eshop_protos.coupon.v1 import coupon_api
from eshop_protos.eshop_gw.v1 import eshop_gw_api
from eshop_protos.flash_sale.v1 import flash_sale_api
from eshop_protos.order.v1 import order_api
from eshop_protos.pay.v1 import pay_api
from eshop_protos.product.v1 import product_api
from eshop_protos.stock.v1 import stock_api
from eshop_protos.user.v1 import user_api

APIS: dict[str, ModuleType] = {
    "user": user_api,
    "product": product_api,
    "order": order_api,
    "stock": stock_api,
    "coupon": coupon_api,
    "pay": pay_api,
    "flash_sale": flash_sale_api,
    "gw": eshop_gw_api,
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
