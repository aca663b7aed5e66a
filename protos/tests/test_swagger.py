"""Every service as Swagger shows it: "Try it out" works at once, and answers are as documented."""

from typing import Any

import httpx
import jsonschema_rs
import pytest
from fastapi import FastAPI
from google.protobuf.message import Message

from protoc_gen_fastapi.names import snake_case
from protoc_gen_fastapi.runtime import Call, Hooks, install
from protoc_gen_fastapi.runtime.emitted import Rpc

from .test_interfaces import APIS, MODULES

SERVICES = [package for package in APIS if package != "api.types"]
RPCS = {package: [v for v in vars(APIS[package]).values() if isinstance(v, Rpc)] for package in SERVICES}
ROUTES = [(package, rpc) for package in SERVICES for rpc in RPCS[package] if rpc.http is not None]


class EmptyReplies:
    """An implementation whose replies hold nothing."""

    def __init__(self, rpcs: list[Rpc]) -> None:
        self._replies = {snake_case(rpc.name): rpc.reply for rpc in rpcs}

    def __getattr__(self, name: str) -> Any:
        async def method(_request: Message, _call: Call) -> Message:
            return self._replies[name]()

        return method


def app_of(package: str) -> FastAPI:
    name = MODULES[package].rpartition(".")[2].removesuffix("_gw")
    app, hooks = FastAPI(title=name), Hooks()
    install(app, hooks)
    app.include_router(getattr(APIS[package], f"{name}_router")(EmptyReplies(RPCS[package]), hooks))
    return app


DOCUMENTS: dict[str, Any] = {package: app_of(package).openapi() for package in SERVICES}


def operation(package: str, rpc: Rpc) -> dict[str, Any]:
    assert rpc.http is not None
    found: dict[str, Any] = DOCUMENTS[package]["paths"][rpc.http.path][rpc.http.verb.lower()]
    return found


def example_body(package: str, shown: dict[str, Any]) -> Any:
    if "requestBody" not in shown:
        return None
    schema = shown["requestBody"]["content"]["application/json"]["schema"]
    return DOCUMENTS[package]["components"]["schemas"][schema["$ref"].rpartition("/")[2]].get("examples", [{}])[0]


@pytest.mark.parametrize(("package", "rpc"), ROUTES, ids=lambda v: v if isinstance(v, str) else v.name)
async def test_the_example_can_be_sent_and_the_answer_is_as_documented(package: str, rpc: Rpc) -> None:
    assert rpc.http is not None
    shown = operation(package, rpc)
    values = {p["name"]: p["schema"]["examples"][0] for p in shown.get("parameters", []) if p["required"]}
    path = rpc.http.path.format(**values)
    query = {name: value for name, value in values.items() if name not in rpc.http.path_fields}
    transport = httpx.ASGITransport(app_of(package))
    async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
        response = await client.request(rpc.http.verb, path, params=query, json=example_body(package, shown))
    assert response.status_code == 200, response.text
    schema = shown["responses"]["200"]["content"]["application/json"]["schema"]
    validator = jsonschema_rs.validator_for({**schema, "components": DOCUMENTS[package]["components"]})
    validator.validate(response.json())


@pytest.mark.parametrize(("package", "rpc"), ROUTES, ids=lambda v: v if isinstance(v, str) else v.name)
def test_required_parameters_are_filled_in(package: str, rpc: Rpc) -> None:
    """Swagger UI takes a parameter's value from `example`, and never from `examples`."""
    for parameter in operation(package, rpc).get("parameters", []):
        assert not parameter["required"] or parameter["schema"]["example"] == parameter["schema"]["examples"][0]


@pytest.mark.parametrize(("package", "rpc"), ROUTES, ids=lambda v: v if isinstance(v, str) else v.name)
def test_every_rpc_has_texts_and_every_answer_a_schema(package: str, rpc: Rpc) -> None:
    shown = operation(package, rpc)
    assert shown["summary"]
    assert shown["description"]
    for answer in shown["responses"].values():
        assert answer["content"]["application/json"]["schema"]["$ref"]


@pytest.mark.parametrize("package", SERVICES)
def test_every_reference_leads_somewhere(package: str) -> None:
    document = DOCUMENTS[package]
    for reference in references(document):
        assert reference.rpartition("/")[2] in document["components"]["schemas"]


def references(part: Any) -> list[str]:
    if isinstance(part, list):
        return [found for item in part for found in references(item)]
    if not isinstance(part, dict):
        return []
    own = [part["$ref"]] if "$ref" in part else []
    return own + [found for item in part.values() for found in references(item)]
