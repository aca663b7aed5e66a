"""What every HTTP port serves beside the routes of its service."""

import re
from collections.abc import AsyncIterator
from importlib.metadata import version

import httpx
import pytest

from eshop_chassis import ChassisHooks, ServiceSettings
from eshop_chassis.readiness import Readiness
from eshop_chassis.serving.http_app import build_app
from eshop_protos.stock.v1 import stock_api
from eshop_protos.stock.v1 import stock_pb2 as pb


class Stock(stock_api.StockApi):
    async def list(self, request, call):
        raise ZeroDivisionError("secret")

    async def get_by_id(self, request, call):
        return pb.GetStockByIDReply(stock=pb.Stock(id=request.id))


async def _nothing(ready: bool) -> None: ...


async def _missing() -> None: ...


@pytest.fixture
def state() -> Readiness:
    return Readiness({"MySQL": _missing}, _nothing)


@pytest.fixture
async def http(state: Readiness) -> AsyncIterator[httpx.AsyncClient]:
    hooks = ChassisHooks(ServiceSettings(max_body_bytes=1000))
    stock = Stock()  # pyright: ignore[reportAbstractUsage] - only what the tests call
    app = build_app("stock", [stock_api.stock_router(stock, hooks)], hooks, state)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://stock") as client:
        yield client


async def test_readiness_says_what_is_missing_and_liveness_does_not_care(http, state):
    ready, live, health = [await http.get(path) for path in ("/readyz", "/livez", "/health")]
    assert (ready.status_code, live.status_code, health.status_code) == (503, 200, 503)
    assert ready.json() == {"status": "not ready", "missing": {"MySQL": "not asked yet"}}
    assert health.json() == {"status": "DOWN", "service": "stock", "missing": {"MySQL": "not asked yet"}}
    state.missing = {}
    ready, live, health = [await http.get(path) for path in ("/readyz", "/livez", "/health")]
    assert (ready.status_code, live.status_code, health.status_code) == (200, 200, 200)
    assert health.json()["status"] == "UP"
    state.drain()
    ready, live = [await http.get(path) for path in ("/readyz", "/livez")]
    assert (ready.status_code, ready.json()["status"], live.status_code) == (503, "draining", 200)


async def test_ping_codes_and_metrics_are_served(http):
    await http.get("/api/v1/stock/7")
    ping, codes, metrics = [await http.get(path) for path in ("/ping", "/codes", "/metrics")]
    assert ping.json() == {"msg": "pong"}
    assert {"code": 10004, "msg": "Not Found"} in codes.json()
    counted = r'eshop_rpc_total\{method="/api.stock.v1.stock/GetByID",status="OK",transport="http"\} [1-9]'
    assert re.search(counted, metrics.text)
    assert "eshop_rpc_seconds_bucket" in metrics.text
    assert "eshop_ready" in metrics.text


@pytest.mark.parametrize("page", ["/docs", "/apis/swagger/index.html"])
async def test_swagger_ui_and_all_it_needs_come_from_here(http, page):
    html = (await http.get(page)).text
    assets = re.findall(r'(?:src|href)="([^"]+)"', html)
    assert len(assets) >= 3
    assert all(asset.startswith("/") for asset in assets)
    for asset in assets:
        answer = await http.get(asset)
        assert answer.status_code == 200, asset
        assert len(answer.content) > 500
    assert not re.search(r"https?://", html), "the page names another server"
    assert '"validatorUrl": null' in html, "it would ask validator.swagger.io"
    assert "/openapi.json" in html
    assert 'request.headers.accept = "application/json;int64=string"' in html, "it would round ids above 2**53"
    document = (await http.get("/openapi.json")).json()
    assert "/api/v1/stock/list" in document["paths"]
    assert "/health" not in document["paths"]


async def test_an_unknown_route_a_wrong_method_and_a_crash_are_told_in_the_envelope(http):
    unknown = await http.get("/api/v1/nothing")
    wrong = await http.put("/api/v1/stock/list", json={})
    wrong_extra = await http.post("/readyz")
    crash = await http.post("/api/v1/stock/list", json={"params": {"limit": 1}})
    large = await http.post("/api/v1/stock/list", content=b" " * 1001)
    assert [a.status_code for a in (unknown, wrong, wrong_extra, crash, large)] == [404, 405, 405, 500, 413]
    assert [a.json()["code"] for a in (unknown, crash, large)] == [10004, 10003, 10001]
    assert wrong.json()["code"] != 0
    assert wrong.headers["allow"] == "POST"
    assert wrong_extra.json().keys() == {"code", "msg", "data"}
    assert "secret" not in crash.text


async def test_labels_of_metrics_don_t_grow_with_what_callers_send(http):
    before = await _counters(http)
    for number in range(20):
        await http.get(f"/api/v1/stock/{number + 1}")
        await http.get(f"/nothing/{number}")
        await http.get("/api/v1/stock/1", headers={"x-request-id": f"id-{number}"})
    assert len(await _counters(http) - before) <= 1


async def _counters(http: httpx.AsyncClient) -> set[str]:
    """What is counted, without the numbers."""
    metrics = (await http.get("/metrics")).text
    return {line.rpartition(" ")[0] for line in metrics.splitlines() if line.startswith("eshop_rpc_total{")}


async def test_the_openapi_document_tells_the_version_that_is_installed(http: httpx.AsyncClient) -> None:
    document = (await http.get("/openapi.json")).json()
    assert document["info"]["version"] == version("eshop-chassis")
