"""What the HTTP side answers: the envelope, statuses, unknown routes and wrong verbs, crashes."""

import asyncio
from types import ModuleType
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from protoc_gen_fastapi.runtime import (
    AlreadyExists,
    Call,
    Conflict,
    DeadlineExceeded,
    Forbidden,
    Internal,
    InvalidArgument,
    NotFound,
    Refused,
    RpcError,
    StillRunning,
    TooMany,
    Unauthenticated,
    Unavailable,
    Unimplemented,
    Unprocessable,
    current_call,
    known_codes,
)

from .conftest import Recorder, Zoo

ERRORS = [
    (Refused("销售完毕", code=30023, data={"left": 0}), 409, 30023),
    (Conflict("no"), 409, 10409),
    (StillRunning(), 425, 10425),
    (InvalidArgument("id", "is odd"), 400, 10001),
    (NotFound(), 404, 10004),
    (AlreadyExists(), 409, 10005),
    (Unauthenticated(), 401, 10002),
    (Forbidden(), 403, 10008),
    (TooMany(), 429, 10007),
    (Unprocessable(), 422, 10422),
    (Unavailable(), 503, 10013),
    (DeadlineExceeded(), 504, 10010),
    (Unimplemented(), 501, 10003),
    (Internal(), 500, 10003),
]


async def test_a_reply_stands_in_the_envelope(http: httpx.AsyncClient, hooks: Recorder) -> None:
    response = await http.post("/zoo/count", headers={"X-Request-ID": "r-1"})
    assert response.content == b'{"code":0,"msg":"ok","data":{"total":2}}'
    assert response.headers["content-type"] == "application/json"
    assert response.headers["x-request-id"] == "r-1"
    path = "/example.zoo.v1.zooKeeper/Count"
    assert hooks.told == [("started", path, "http"), ("finished", path, "http", "OK")]


async def test_zero_values_are_written_and_what_is_unset_is_null(
    http: httpx.AsyncClient, zoo: Zoo, pb: ModuleType
) -> None:
    zoo.answers["buy_animal"] = pb.BuyAnimalReply(others=[pb.Animal(chip=2**64 - 1, weight=float("nan"))])
    animal = {"name": "Lion", "favourite": {"name": "hay"}, "weight": 1}
    data = (await http.post("/zoo/animals", json=animal)).json()["data"]
    other = data["others"].pop()
    assert data == {"id": 0, "animal": None, "cages": [], "note": None, "others": []}
    assert other == {
        "name": "",
        "water": 0,
        "foods": [],
        "favourite": None,
        "nicknames": [],
        "weight": "NaN",
        "wild": False,
        "height": 0.0,
        "chip": 2**64 - 1,
        "floor": 0,
    }


@pytest.mark.parametrize(("error", "status", "code"), ERRORS, ids=lambda v: type(v).__name__)
async def test_an_error_stands_in_the_envelope(
    http: httpx.AsyncClient, zoo: Zoo, hooks: Recorder, error: RpcError, status: int, code: int
) -> None:
    zoo.answers["count"] = error
    response = await http.post("/zoo/count")
    assert response.status_code == status
    assert response.json() == {"code": code, "msg": error.message, "data": error.data}
    assert response.headers.get("retry-after") == ("1" if status in (429, 503) else None)
    assert hooks.told[-1][3] == error.status.name


async def test_what_is_unexpected_leaks_nothing(http: httpx.AsyncClient, zoo: Zoo, hooks: Recorder) -> None:
    zoo.answers["count"] = surprise = KeyError("password=hunter2")
    response = await http.post("/zoo/count")
    assert (response.status_code, response.json()["msg"]) == (500, "Internal Server Error")
    assert hooks.internal == [surprise]


async def test_a_reply_of_the_wrong_type_is_an_internal_error(
    http: httpx.AsyncClient, zoo: Zoo, hooks: Recorder
) -> None:
    zoo.answers["count"] = object()
    response = await http.post("/zoo/count")
    assert (response.status_code, response.json()["code"]) == (500, 10003)
    assert len(hooks.internal) == 1


async def test_a_request_that_takes_too_long_is_ended(http: httpx.AsyncClient, zoo: Zoo, hooks: Recorder) -> None:
    hooks.default_timeout = 0.05
    zoo.answers["count"] = lambda _request, _call: asyncio.sleep(30)
    response = await http.post("/zoo/count")
    assert (response.status_code, response.json()["code"]) == (504, 10010)
    assert hooks.told[-1][3] == "DEADLINE_EXCEEDED"


async def test_a_timeout_inside_of_a_method_is_no_deadline(http: httpx.AsyncClient, zoo: Zoo, hooks: Recorder) -> None:
    zoo.answers["count"] = TimeoutError()
    assert (await http.post("/zoo/count")).status_code == 500


@pytest.mark.parametrize("given", ["", "a b", "x" * 65, "<script>", "ü"])
async def test_a_malformed_request_id_is_replaced(http: httpx.AsyncClient, zoo: Zoo, given: str) -> None:
    response = await http.post("/zoo/count", headers={b"x-request-id": given.encode()})
    assert response.headers["x-request-id"] == zoo.calls[0].request_id
    assert zoo.calls[0].request_id not in ("", given)


async def test_an_unknown_route_is_told_in_the_envelope(http: httpx.AsyncClient) -> None:
    response = await http.get("/nowhere")
    assert response.status_code == 404
    assert response.json() == {"code": 10004, "msg": "Not Found", "data": {}}


@pytest.mark.parametrize(
    ("verb", "path", "allow"),
    [
        ("GET", "/zoo/count", "POST"),
        ("DELETE", "/zoo/animals/3", "PUT"),
        ("POST", "/zoo/cats/animals", "GET, HEAD"),
        ("HEAD", "/zoo/count", "POST"),
        ("OPTIONS", "/zoo/animals", "POST"),
    ],
)
async def test_a_wrong_verb_is_told_with_those_allowed(
    http: httpx.AsyncClient, verb: str, path: str, allow: str
) -> None:
    response = await http.request(verb, path)
    assert (response.status_code, response.headers["allow"]) == (405, allow)
    assert verb == "HEAD" or response.json()["code"] == 10001


async def test_a_path_without_parameters_is_never_taken_for_one_with(http: httpx.AsyncClient, zoo: Zoo) -> None:
    assert (await http.get("/zoo/cats")).status_code == 200
    assert (await http.get("/zoo/animals")).status_code == 405
    assert [r.house for r in zoo.requests] == ["cats"]


async def test_the_current_call_is_known_while_it_is_served(http: httpx.AsyncClient, zoo: Zoo, pb: ModuleType) -> None:
    seen: list[Any] = []

    async def look(_request: Any, call: Call) -> Any:
        seen.append(current_call.get() is call)
        return pb.FindReply()

    zoo.answers["count"] = look
    await http.post("/zoo/count")
    assert seen == [True]
    assert current_call.get() is None


async def test_routes_that_are_not_generated_answer_in_the_envelope_too(
    app: FastAPI, http: httpx.AsyncClient, hooks: Recorder
) -> None:
    @app.get("/own/{number}")
    async def own(number: int) -> dict[str, int]:
        if number == 1:
            raise NotFound("no such number")
        if number == 2:
            raise OSError("disk")
        return {"number": number}

    assert (await http.get("/own/7")).json() == {"number": 7}
    assert (await http.get("/own/x")).json()["code"] == 10001
    assert (await http.get("/own/x")).status_code == 400
    assert (await http.get("/own/1")).status_code == 404
    assert (await http.get("/own/2")).json() == {"code": 10003, "msg": "Internal Server Error", "data": {}}
    assert [type(e) for e in hooks.internal] == [OSError]


async def test_a_route_of_the_application_that_comes_first_wins(api: ModuleType, zoo: Zoo, hooks: Recorder) -> None:
    from protoc_gen_fastapi.runtime import install

    app = FastAPI()
    install(app, hooks)

    @app.post("/zoo/count")
    async def own() -> str:
        return "own"

    app.include_router(api.zoo_keeper_router(zoo, hooks))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://zoo") as client:
        assert (await client.post("/zoo/count")).json() == "own"


async def test_a_router_works_under_a_prefix_and_without_the_table(api: ModuleType, zoo: Zoo, hooks: Recorder) -> None:
    app = FastAPI()
    app.include_router(api.zoo_keeper_router(zoo, hooks), prefix="/v2")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://zoo") as client:
        assert (await client.post("/v2/zoo/count")).json()["data"] == {"total": 2}
        assert (await client.get("/v2/zoo/cats")).json()["data"] == {"total": 3}
        assert (await client.get("/v2/zoo/hours")).json()["data"] == {"total": 4}


def test_the_codes_can_be_listed() -> None:
    listed = known_codes()
    assert listed[0] == {"code": 0, "msg": "ok"}
    assert {error.default_code for error, _, _ in ERRORS} <= {entry["code"] for entry in listed}
