"""What the HTTP side takes as a request, and how it tells what it doesn't take."""

from collections.abc import AsyncIterator
from types import ModuleType
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from .conftest import Recorder, Zoo

ANIMAL: dict[str, Any] = {"name": "Lion", "favourite": {"name": "hay"}, "weight": 190.5}
MAX_UINT64 = 2**64 - 1


async def told(http: httpx.AsyncClient, body: Any, path: str = "/zoo/animals", **more: Any) -> str:
    """The message of a request that is refused with 400."""
    content = {"content": body} if isinstance(body, bytes) else {"json": body}
    response = await http.post(path, **content, **more)
    envelope = response.json()
    assert (response.status_code, envelope["code"], envelope["data"]) == (400, 10001, {})
    assert response.headers["content-type"] == "application/json"
    return str(envelope["msg"])


async def taken(http: httpx.AsyncClient, zoo: Zoo, body: Any) -> Any:
    """The message that a request becomes."""
    response = await http.post("/zoo/animals", json=body)
    assert response.status_code == 200, response.text
    return zoo.requests[-1]


async def test_every_kind_of_field_is_taken(http: httpx.AsyncClient, zoo: Zoo, pb: ModuleType) -> None:
    body = ANIMAL | {
        "water": -9,
        "foods": [{"name": "nuts", "grams": 9000}],
        "nicknames": ["Leo", ""],
        "wild": True,
        "height": 1.25,
        "chip": MAX_UINT64,
        "floor": -(2**31),
        "unknown": {"a": []},
    }
    animal = await taken(http, zoo, body)
    assert (animal.water, animal.chip, animal.floor) == (-9, MAX_UINT64, -(2**31))
    assert (animal.weight, animal.height, animal.wild) == (190.5, 1.25, True)
    assert (animal.foods[0].name, animal.foods[0].grams, list(animal.nicknames)) == ("nuts", 9000, ["Leo", ""])


@pytest.mark.parametrize(("given", "number"), [(7, 7), ("7", 7), (7.0, 7), ("-7", -7), ("007", 7), (None, 0)])
async def test_whole_numbers_come_in_several_shapes(http: httpx.AsyncClient, zoo: Zoo, given: Any, number: int) -> None:
    assert (await taken(http, zoo, ANIMAL | {"water": given})).water == number


@pytest.mark.parametrize("given", [True, 1.5, "", " 1", "1.0", "0x1", "1_0", "٣", "+1", [], {}, "9" * 21, 1e300])
async def test_other_shapes_are_no_whole_numbers(http: httpx.AsyncClient, given: Any) -> None:
    message = await told(http, ANIMAL | {"water": given})
    assert message in ("water: must be a whole number", "water: must be less than 10")


@pytest.mark.parametrize("given", [MAX_UINT64 + 1, str(MAX_UINT64 + 1), -1, "-1", 2**70])
async def test_numbers_out_of_range_are_refused(http: httpx.AsyncClient, given: Any) -> None:
    assert (await told(http, ANIMAL | {"chip": given})).startswith("chip: must be at ")


async def test_null_means_not_sent(http: httpx.AsyncClient, zoo: Zoo, pb: ModuleType) -> None:
    nulls = dict.fromkeys(("water", "foods", "nicknames", "wild", "height", "chip", "floor"))
    animal = await taken(http, zoo, ANIMAL | nulls)
    assert animal == pb.Animal(name="Lion", weight=190.5, favourite={"name": "hay"})


REFUSALS = {
    "name: is required": {k: v for k, v in ANIMAL.items() if k != "name"},
    "favourite: is required": {k: v for k, v in ANIMAL.items() if k != "favourite"},
    "name: must have at least 2 characters": ANIMAL | {"name": None},
    "name: must have at most 5 characters": ANIMAL | {"name": "Lioness"},
    "name: must be a string": ANIMAL | {"name": 12},
    "favourite: must be an object": ANIMAL | {"favourite": "hay"},
    "favourite.name: must have at least 1 character": ANIMAL | {"favourite": {"name": ""}},
    "foods: must be a list": ANIMAL | {"foods": {"name": "hay"}},
    "foods: must have at most 2 items": ANIMAL | {"foods": [{"name": "a"}] * 3},
    "foods[1].grams: must be at most 9000": ANIMAL | {"foods": [{"name": "a"}, {"name": "b", "grams": 9001}]},
    "foods[0]: must be an object": ANIMAL | {"foods": [None]},
    "nicknames[1]: must be a string": ANIMAL | {"nicknames": ["a", 1]},
    "wild: must be true or false": ANIMAL | {"wild": "true"},
    "weight: must be at least 0.5": ANIMAL | {"weight": 0},
    "weight: must be a number": ANIMAL | {"weight": True},
}


@pytest.mark.parametrize("message", REFUSALS)
async def test_a_refusal_names_the_field(http: httpx.AsyncClient, zoo: Zoo, message: str) -> None:
    assert await told(http, REFUSALS[message]) == message
    assert zoo.requests == []


BODIES = {
    b"{": "body: is not valid JSON",
    b'{"name": "\xff"}': "body: is not valid JSON",
    b'{"name": "\\ud800"}': "body: is not valid JSON",
    b'{"weight": NaN}': "body: is not valid JSON",
    b"\x00": "body: is not valid JSON",
    b"[" * 100_000: "body: is not valid JSON",
    b'{"a":' * 50_000 + b"1" + b"}" * 50_000: "body: is not valid JSON",
    b"null": "body: must be an object",
    b"[]": "body: must be an object",
    b'"{}"': "body: must be an object",
    b"": "name: is required",
    b" \n": "name: is required",
    b'{"foods":' + b"[" * 900 + b"]" * 900 + b"}": "foods[0]: must be an object",
}


@pytest.mark.parametrize("body", BODIES, ids=lambda b: repr(b[:24]))
async def test_bodies_that_are_no_request(http: httpx.AsyncClient, body: bytes) -> None:
    assert await told(http, body) == BODIES[body]


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "application/xml", ""])
async def test_the_content_type_does_not_matter(http: httpx.AsyncClient, zoo: Zoo, content_type: str) -> None:
    response = await http.post("/zoo/count", content=b'{"name":"x"}', headers={"content-type": content_type})
    assert response.status_code == 200
    assert zoo.requests[0].name == "x"


async def test_path_wins_over_query_and_query_over_body(http: httpx.AsyncClient, zoo: Zoo) -> None:
    await http.put("/zoo/animals/5", params={"age": "6", "id": "9"}, json={"id": "x", "age": 7, "wild": False})
    request = zoo.requests[0]
    assert (request.id, request.age, request.wild) == (5, 6, False)


async def test_presence_is_kept(http: httpx.AsyncClient, zoo: Zoo) -> None:
    await http.put("/zoo/animals/5", json={"age": 0, "name": None})
    assert [f.name for f, _ in zoo.requests[0].ListFields()] == ["id", "age"]


@pytest.mark.parametrize("given", ["abc", "0", "-1", str(2**64), "1.5", "%20", "1%00", "¹"])
async def test_malformed_ids_in_a_path_are_named(http: httpx.AsyncClient, given: str) -> None:
    response = await http.put(f"/zoo/animals/{given}", json={})
    assert response.status_code == 400
    assert response.json()["msg"].startswith("id: must be ")


async def test_a_query_is_read_with_its_rules(http: httpx.AsyncClient, zoo: Zoo) -> None:
    query = (("limit", "5"), ("limit", "x"), ("wild", "true"), ("heavier", "0.5"), ("name", ""), ("foo", "1"))
    assert (await http.get("/zoo/big cats/animals", params=query)).status_code == 200
    request = zoo.requests[0]
    assert (request.house, request.limit, request.wild, request.heavier) == ("big cats", 5, True, 0.5)
    assert request.HasField("name")


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("", "limit: is required"),
        ("limit=", "limit: must be a whole number"),
        ("limit=0", "limit: must be greater than 0"),
        ("limit=1&wild=yes", "wild: must be true or false"),
        ("limit=1&heavier=inf", "heavier: must be a number"),
        ("limit=1&heavier=1e999", "heavier: must be a number"),
        ("limit=%ff", "limit: must be a whole number"),
    ],
)
async def test_a_bad_query_is_named(http: httpx.AsyncClient, query: str, message: str) -> None:
    response = await http.get(f"/zoo/cats/animals?{query}")
    assert (response.status_code, response.json()["msg"]) == (400, message)


async def test_lists_in_a_query_are_not_taken_for_fields(http: httpx.AsyncClient) -> None:
    response = await http.post("/zoo/animals", params={"foods": "x", "favourite": "y"}, json=ANIMAL)
    assert response.status_code == 200


async def test_a_body_at_the_limit_is_taken(http: httpx.AsyncClient, hooks: Recorder) -> None:
    hooks.max_body = 20
    assert (await http.post("/zoo/count", content=b" " * 20)).status_code == 200
    assert (await http.post("/zoo/count", content=b" " * 21)).status_code == 413


async def test_a_body_that_is_announced_too_large_is_not_read(http: httpx.AsyncClient, zoo: Zoo) -> None:
    async def endless() -> AsyncIterator[bytes]:
        raise AssertionError("read")
        yield b""

    response = await http.post("/zoo/count", content=endless(), headers={"content-length": "9" * 30})
    assert (response.status_code, response.json()["code"]) == (413, 10001)
    # A server that closes now resets the connection, and a client that is still sending never sees the answer.
    assert "connection" not in response.headers
    assert zoo.requests == []


async def test_a_body_in_pieces_is_read_up_to_the_limit(app: FastAPI, zoo: Zoo) -> None:
    sent: list[Any] = []
    pieces = 0

    async def receive() -> dict[str, Any]:
        nonlocal pieces
        pieces += 1
        return {"type": "http.request", "body": b" " * 65536, "more_body": True}

    async def send(event: Any) -> None:
        sent.append(event)

    await app(scope(), receive, send)
    assert sent[0]["status"] == 413
    assert pieces == 17


async def test_a_client_that_leaves_early_starts_nothing(app: FastAPI, zoo: Zoo) -> None:
    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(event: Any) -> None:
        pass

    await app(scope(), receive, send)
    assert zoo.requests == []


def scope() -> dict[str, Any]:
    fixed = {"type": "http", "method": "POST", "path": "/zoo/count", "raw_path": b"/zoo/count", "query_string": b""}
    return fixed | {"headers": [], "http_version": "1.1", "scheme": "http", "root_path": "", "server": ("zoo", 80)}
