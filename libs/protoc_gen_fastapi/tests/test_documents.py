"""OpenAPI: what it shows is what the routes take and answer."""

from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from protoc_gen_fastapi.runtime import install

from .conftest import Zoo


@pytest.fixture
def document(app: FastAPI) -> dict[str, Any]:
    return app.openapi()


@pytest.fixture
def schemas(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = document["components"]["schemas"]
    return found


def body_of(document: dict[str, Any], verb: str, path: str) -> dict[str, Any]:
    found: dict[str, Any] = document["paths"][path][verb]["requestBody"]
    return found


def test_rpcs_without_a_binding_are_not_shown(document: dict[str, Any]) -> None:
    shown = [(verb, path) for path, verbs in document["paths"].items() for verb in verbs]
    assert sorted(shown) == [
        ("get", "/zoo/hours"),
        ("get", "/zoo/{house}"),
        ("get", "/zoo/{house}/animals"),
        ("post", "/zoo/animals"),
        ("post", "/zoo/count"),
        ("put", "/zoo/animals/{id}"),
    ]


def test_comments_become_texts(document: dict[str, Any], schemas: dict[str, Any]) -> None:
    operation = document["paths"]["/zoo/animals"]["post"]
    assert operation["summary"] == "Buys an animal"
    assert operation["description"] == "Buys an animal. It is fed from then on."
    assert operation["tags"] == ["zooKeeper"]
    assert schemas["Animal"]["description"] == "An animal, in requests and in replies."
    assert schemas["Animal"]["properties"]["name"]["description"] == 'Its "name".'


def test_rules_and_examples_are_shown(schemas: dict[str, Any]) -> None:
    name = schemas["Animal"]["properties"]["name"]
    assert (name["minLength"], name["maxLength"], name["examples"]) == (2, 5, ["Lion"])
    assert schemas["Animal"]["required"] == ["name", "favourite", "weight"]
    assert schemas["Animal"]["properties"]["foods"]["maxItems"] == 2


def test_bounds_are_exact_whole_numbers(schemas: dict[str, Any]) -> None:
    chip = schemas["Animal"]["properties"]["chip"]
    assert (chip["minimum"], chip["maximum"]) == (0, 2**64 - 1)
    assert [type(bound) for bound in (chip["minimum"], chip["maximum"])] == [int, int]
    total = schemas["FindReply"]["properties"]["total"]
    assert (total["minimum"], total["maximum"]) == (-(2**63), 2**63 - 1)


def test_what_need_not_be_sent_may_be_null(schemas: dict[str, Any]) -> None:
    fields = schemas["Animal"]["properties"]
    assert fields["water"]["type"] == ["integer", "null"]
    assert fields["nicknames"]["type"] == ["array", "null"]
    assert fields["name"]["type"] == "string"


def test_fields_of_the_path_are_not_in_the_body(document: dict[str, Any], schemas: dict[str, Any]) -> None:
    operation = document["paths"]["/zoo/animals/{id}"]["put"]
    assert [(p["name"], p["in"], p["required"]) for p in operation["parameters"]] == [("id", "path", True)]
    assert operation["parameters"][0]["schema"]["exclusiveMinimum"] == 0
    assert "id" not in schemas["UpdateByIDRequestBody"]["properties"]


def test_a_query_is_shown_with_its_rules(document: dict[str, Any]) -> None:
    parameters = {p["name"]: p for p in document["paths"]["/zoo/{house}/animals"]["get"]["parameters"]}
    assert {name: p["in"] for name, p in parameters.items()}.pop("house") == "path"
    assert (parameters["limit"]["required"], parameters["wild"]["required"]) == (True, False)
    assert parameters["limit"]["schema"]["exclusiveMinimum"] == 0
    assert parameters["limit"]["description"] == "Rows."


def test_a_body_is_required_only_where_a_field_is(document: dict[str, Any]) -> None:
    assert body_of(document, "post", "/zoo/animals")["required"] is True
    assert body_of(document, "post", "/zoo/count")["required"] is False


def test_answers_are_shown_in_the_envelope(document: dict[str, Any], schemas: dict[str, Any]) -> None:
    answers = document["paths"]["/zoo/count"]["post"]["responses"]
    assert {"200", "400", "404", "409", "503", "default"} <= answers.keys()
    assert "422" not in answers
    schema = answers["200"]["content"]["application/json"]["schema"]
    assert schema == {"$ref": "#/components/schemas/FindReplyEnvelope"}
    assert schemas["FindReplyEnvelope"]["properties"]["data"] == {"$ref": "#/components/schemas/FindReply"}
    assert answers["409"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/ErrorEnvelope"}


async def test_the_example_of_a_request_can_be_sent(http: httpx.AsyncClient, schemas: dict[str, Any], zoo: Zoo) -> None:
    example = schemas["UpdateByIDRequestBody"]["examples"][0]
    assert example == {"favourite": {"name": "hay"}}
    assert (await http.put("/zoo/animals/3", json=example)).status_code == 200
    assert zoo.requests[0].favourite.name == "hay"


async def test_the_document_is_served_as_it_is(http: httpx.AsyncClient, document: dict[str, Any]) -> None:
    assert (await http.get("/openapi.json")).json() == document


async def test_what_the_application_tells_of_a_route_stays(api: Any, zoo: Zoo, hooks: Any) -> None:
    app, router = FastAPI(), api.zoo_keeper_router(zoo, hooks)
    header = {"name": "X-Ticket", "in": "header", "schema": {"type": "string"}}
    for route in router.routes:
        if getattr(route, "name", "") == "UpdateByID":
            route.openapi_extra = {"parameters": [header], "responses": {"422": {"description": "no ticket"}}}
    install(app, hooks)
    app.include_router(router)
    operation = app.openapi()["paths"]["/zoo/animals/{id}"]["put"]
    assert [p["name"] for p in operation["parameters"]] == ["id", "X-Ticket"]
    assert operation["responses"]["422"] == {"description": "no ticket"}
    assert "200" in operation["responses"]
