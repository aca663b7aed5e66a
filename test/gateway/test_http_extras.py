"""What every HTTP port serves beside its rpcs, and how it answers what it doesn't serve."""

import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from catalogue import HTTP_RPCS
from running_stack import SERVICES, RunningStack


@pytest_asyncio.fixture(params=SERVICES, loop_scope="session")
async def service(request: pytest.FixtureRequest, stack: RunningStack) -> AsyncIterator[tuple[str, httpx.AsyncClient]]:
    """Each service in turn: its name, and a client of its HTTP port."""
    async with httpx.AsyncClient(base_url=stack.url(request.param), trust_env=False, timeout=10) as client:
        yield request.param, client


Service = tuple[str, httpx.AsyncClient]


async def test_health_says_up(service: Service) -> None:
    answer = await service[1].get("/health")

    assert answer.status_code == 200
    assert answer.json()["status"] == "UP"


@pytest.mark.parametrize("path", ["/ping", "/livez", "/readyz"])
async def test_probes_answer(service: Service, path: str) -> None:
    assert (await service[1].get(path)).status_code == 200


async def test_codes_tells_every_code_that_clients_know(service: Service) -> None:
    told = (await service[1].get("/codes")).json()

    codes = {entry["code"]: entry["msg"] for entry in told}
    assert codes[0] == "ok"
    assert {10001, 10003, 10004, 10005, 10007, 10013, 10019, 10409, 10425} <= set(codes)


async def test_metrics_are_in_prometheus_format_and_count_rpcs(service: Service) -> None:
    name, client = service
    rpc = next(rpc for rpc in HTTP_RPCS.values() if rpc.service == name and rpc.verb == "GET")
    await client.get(re.sub(r"{\w+}", "1", rpc.route))

    answer = await client.get("/metrics")

    assert answer.headers["content-type"].startswith("text/plain")
    assert "# TYPE" in answer.text
    assert rpc.path in answer.text or rpc.name in answer.text


async def test_openapi_describes_every_route_with_an_example_to_try(service: Service) -> None:
    name, client = service
    openapi: dict[str, Any] = (await client.get("/openapi.json")).json()

    assert openapi["openapi"].startswith("3.")
    for rpc in (rpc for rpc in HTTP_RPCS.values() if rpc.service == name):
        operation = openapi["paths"][rpc.route][rpc.verb.lower()]
        assert operation["summary"]
        assert "200" in operation["responses"]
        if rpc.has_body:
            assert _example(openapi, operation), f"{rpc.key} has no example"
        else:
            parameters = {parameter["name"] for parameter in operation.get("parameters", ())}
            assert parameters == {field.name for field in rpc.request.DESCRIPTOR.fields}


def _example(openapi: dict[str, Any], operation: dict[str, Any]) -> Any:
    content = operation["requestBody"]["content"]["application/json"]
    schema = content["schema"]
    if "$ref" in schema:
        schema = openapi["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return content.get("example") or content.get("examples") or schema.get("example") or schema.get("examples")


@pytest.mark.parametrize("page", ["/apis/swagger/index.html", "/docs"])
async def test_swagger_ui_needs_nothing_from_elsewhere(service: Service, page: str) -> None:
    _, client = service
    html = await client.get(page)

    assert html.status_code == 200
    assert html.headers["content-type"].startswith("text/html")
    linked = re.findall(r"""(?:src|href)=["']([^"']+)["']""", html.text)
    assert any(link.endswith(".js") for link in linked)
    assert any(link.endswith(".css") for link in linked)
    for link in linked:
        url = httpx.URL(page).join(link)
        assert not url.is_absolute_url, f"{link} is elsewhere"
        asset = await client.get(url)
        assert asset.status_code == 200, link
        assert asset.content, link
    assert "/openapi.json" in html.text


async def test_an_unknown_route_is_not_found_in_the_envelope(service: Service) -> None:
    answer = await service[1].get("/api/v1/nothing/here")

    assert answer.status_code == 404
    assert set(answer.json()) == {"code", "msg", "data"}
    assert answer.json()["code"] == 10004


async def test_a_wrong_verb_is_answered_in_the_envelope(service: Service) -> None:
    name, client = service
    route = next(rpc.route for rpc in HTTP_RPCS.values() if rpc.service == name and rpc.verb == "POST")

    answer = await client.patch(route)

    assert answer.status_code == 405
    assert answer.json()["code"] != 0


async def test_a_request_id_comes_back(service: Service) -> None:
    name, client = service
    rpc = next(rpc for rpc in HTTP_RPCS.values() if rpc.service == name and rpc.verb == "GET")

    answer = await client.get(re.sub(r"{\w+}", "1", rpc.route), headers={"x-request-id": "e2e-42"})

    assert answer.headers["x-request-id"] == "e2e-42"
