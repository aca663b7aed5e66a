"""Holds the protos and the generated routes against interfaces.json: what existing clients already speak."""

import importlib
import json
from pathlib import Path
from typing import Any

import pytest
from fastapi.routing import APIRoute
from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor
from google.protobuf.descriptor_pool import Default
from google.protobuf.message import Message

from protoc_gen_fastapi.runtime import Call, Hooks

from .rule_samples import example_of, message_of

PACKAGES: dict[str, Any] = json.loads(Path(__file__).with_name("interfaces.json").read_text())
MODULES = {
    "api.types": "types.types",
    "api.user.v1": "user.v1.user",
    "api.product.v1": "product.v1.product",
    "api.stock.v1": "stock.v1.stock",
    "api.coupon.v1": "coupon.v1.coupon",
    "api.pay.v1": "pay.v1.pay",
    "api.order.v1": "order.v1.order",
    "api.flashSale.v1": "flash_sale.v1.flash_sale",
    "api.eshop_gw.v1": "eshop_gw.v1.eshop_gw",
}
APIS = {package: importlib.import_module(f"eshop_protos.{module}_api") for package, module in MODULES.items()}
MESSAGES = [(p, m) for p, package in PACKAGES.items() for m in package["messages"]]
RPCS = [(p, rpc) for p, package in PACKAGES.items() for rpc in package["rpcs"]]
RULES = [
    (p, m, field)
    for p, package in PACKAGES.items()
    for m, fields in package["messages"].items()
    for field in fields
    if "rule" in field and hasattr(APIS[p], f"check_{m}")
]


class NoApi:
    """Stands for an implementation where only the routes are looked at."""

    def __getattr__(self, name: str) -> Any:
        async def method(_request: Message, _call: Call) -> Message:
            raise NotImplementedError

        return method


def field_type(field: FieldDescriptor, package: str) -> str:
    if field.message_type is None:
        return FieldDescriptorTypes[field.type]
    full_name: str = field.message_type.full_name
    return full_name.removeprefix(f"{package}.").removeprefix("api.types.")


FieldDescriptorTypes = {
    getattr(FieldDescriptor, f"TYPE_{name.upper()}"): name
    for name in ("int32", "int64", "uint32", "uint64", "string", "bool")
}


def method_of(package: str, rpc: dict[str, str]) -> MethodDescriptor:
    service = Default().FindServiceByName(f"{package}.{PACKAGES[package]['service']}")
    return service.methods_by_name[rpc["name"]]


def routes(package: str) -> dict[str, APIRoute]:
    name = MODULES[package].rpartition(".")[2].removesuffix("_gw")
    router = getattr(APIS[package], f"{name}_router")(NoApi(), Hooks())
    return {route.name: route for route in router.routes if isinstance(route, APIRoute)}


def test_the_table_is_complete() -> None:
    assert len(RPCS) == 57
    assert len(MESSAGES) == 99
    assert len(RULES) == 50


@pytest.mark.parametrize(("package", "message"), MESSAGES)
def test_fields_keep_name_number_type_and_presence(package: str, message: str) -> None:
    fields = Default().FindMessageTypeByName(f"{package}.{message}").fields_by_number
    for wanted in PACKAGES[package]["messages"][message]:
        field = fields[wanted["number"]]
        assert field.name == wanted["name"]
        assert field_type(field, package) == wanted["type"]
        assert field.is_repeated == wanted.get("repeated", False)
        assert (field.has_presence and field.message_type is None) == wanted.get("optional", False)


@pytest.mark.parametrize(("package", "rpc"), RPCS, ids=lambda v: v if isinstance(v, str) else v["name"])
def test_rpcs_keep_path_and_messages(package: str, rpc: dict[str, str]) -> None:
    method = method_of(package, rpc)
    full = {kind: name if name.startswith("api.") else f"{package}.{name}" for kind, name in rpc.items()}
    assert method.input_type.full_name == full["request"]
    assert method.output_type.full_name == full["reply"]
    assert not method.client_streaming
    assert not method.server_streaming


@pytest.mark.parametrize(("package", "rpc"), RPCS, ids=lambda v: v if isinstance(v, str) else v["name"])
def test_generated_routes_keep_verb_and_path(package: str, rpc: dict[str, str]) -> None:
    route = routes(package)[rpc["name"]]
    assert (route.methods, route.path) == ({rpc["verb"]}, rpc["path"])


@pytest.mark.parametrize(("package", "message", "field"), RULES, ids=lambda v: v if isinstance(v, str) else v["name"])
def test_rules_of_the_table_are_checked(package: str, message: str, field: dict[str, str]) -> None:
    descriptor = Default().FindMessageTypeByName(f"{package}.{message}")
    request: Any = message_of(descriptor, example_of(descriptor))
    check = getattr(APIS[package], f"check_{message}")
    assert check(request) is None
    kind, bound = field["rule"].rsplit(" ", 1)
    setattr(request, field["name"], {">": int(bound), "min length": "x" * (int(bound) - 1)}[kind])
    assert check(request)[0] == field["name"]
    setattr(request, field["name"], {">": int(bound) + 1, "min length": "x" * int(bound)}[kind])
    assert check(request) is None


def test_reads_and_nothing_else_may_be_sent_again() -> None:
    reads = {"GetByID", "List", "GetOutcome", "GetRefusals", "GetRun", "CheckMany"}
    for package, api in APIS.items():
        if package == "api.types":
            continue
        names = {m.name for m in api.DESCRIPTOR.methods}
        wanted = {n for n in names if n in reads or (package == "api.eshop_gw.v1" and n.startswith("List"))}
        assert {method for _, method in api.IDEMPOTENT} == wanted
        assert {service for service, _ in api.IDEMPOTENT} <= {api.SERVICE_NAME}
