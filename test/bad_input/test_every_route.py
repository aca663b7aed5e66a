"""Bad input on every route of every service: 400 that names the field, and never a server error."""

import asyncio
import json
from collections.abc import AsyncIterator, Coroutine, Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import fresh
import httpx
import pytest
from bad_values import Bad, bad_requests, sound_request
from catalogue import HTTP_RPCS, RPCS, Rpc
from google.protobuf.descriptor import FieldDescriptor
from transports import Branch, Transport, failing

AT_ONCE = 16
INVALID_PARAMETER = 10001
NOT_JSON: dict[str, bytes] = {
    "cut off": b'{"userID": 1, "productID":',
    "single quotes": b"{'userID': 1}",
    "two values": b"{} {}",
    "a list": b"[]",
    "a number": b"5",
    "a text": b'"userID"',
    "null": b"null",
    "not UTF-8": b'{"name": "\xff\xfe"}',
    "deep lists": b"[" * 50_000,
    "deep objects": b'{"a":' * 50_000,
    "a form": b"userID=1&productID=2",
    "a null byte": b"\x00",
}
WITH_BODY = [key for key, rpc in HTTP_RPCS.items() if rpc.has_body]
Clients = dict[str, httpx.AsyncClient]


@dataclass(frozen=True)
class Sent:
    """A request as it was sent, and what came back."""

    what: str
    response: httpx.Response

    def problem(self, names: str | None) -> str | None:
        """Why the answer is not the one that bad input gets; None when it is. `names` is the field to be named."""
        text = f"{self.what}: {self.response.status_code} {self.response.text[:200]}"
        try:
            body = self.response.json()
        except ValueError:
            return f"no JSON: {text}"
        if self.response.status_code != 400 or body.get("code") != INVALID_PARAMETER or set(body) != ENVELOPE:
            return text
        return None if names is None or _told(body["msg"], names) else f"another field is named: {text}"


ENVELOPE = {"code", "msg", "data"}


def _told(message: str, field: str) -> bool:
    """Whether the message begins with the path of the field, or of the list that it is in."""
    told = message.partition(": ")[0]
    return told == field or field.startswith((f"{told}[", f"{told}."))


async def _send(clients: Clients, rpc: Rpc, fields: dict[str, Any], **request: Any) -> Sent:
    """Sends fields where they belong: in the path, the query, or the body."""
    left = dict(fields)
    path = rpc.route.format(**{name: quote(_text(left.pop(name)), safe="") for name in rpc.path_fields})
    if rpc.has_body:
        request["content"] = json.dumps(left)
    else:
        request["params"] = {name: _text(value) for name, value in left.items()}
    response = await clients[rpc.service].request(rpc.verb, path, **request)
    return Sent(f"{rpc.verb} {path} {json.dumps(left)[:300]}", response)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _can_be_sent(rpc: Rpc, case: Bad) -> bool:
    """What stands in a path or query is text: there no text is of a wrong type, and none can be absent or empty."""
    names, fields = case
    if rpc.has_body and names not in rpc.path_fields:
        return True
    value = fields.get(names, "")
    is_text = rpc.request.DESCRIPTOR.fields_by_name[names].type == FieldDescriptor.TYPE_STRING
    return value != "" and (isinstance(value, str) or not is_text)


async def _problems(requests: Iterable[Coroutine[Any, Any, str | None]]) -> list[str]:
    """Runs all, some at a time; returns what went wrong."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(request: Coroutine[Any, Any, str | None]) -> str | None:
        async with gate:
            return await request

    return [problem for problem in await asyncio.gather(*map(one, requests)) if problem]


@pytest.mark.parametrize("key", HTTP_RPCS)
async def test_every_bad_field_is_refused_by_name(clients: Clients, key: str) -> None:
    rpc = HTTP_RPCS[key]

    async def check(names: str, fields: dict[str, Any]) -> str | None:
        return (await _send(clients, rpc, fields)).problem(names)

    cases = [case for case in bad_requests(rpc.request.DESCRIPTOR) if _can_be_sent(rpc, case)]
    assert await _problems(check(*case) for case in cases) == []


@pytest.mark.parametrize("key", RPCS)
async def test_every_broken_rule_is_told_by_name_over_grpc_too(over_grpc: Transport, key: str) -> None:
    rpc = RPCS[key]
    for names, fields in bad_requests(rpc.request.DESCRIPTOR, types=False):
        with failing("INVALID_ARGUMENT") as error:
            await over_grpc(rpc.service, rpc.name, **fields)
        assert _told(error.value.message, names), (names, error.value)


@pytest.mark.parametrize("key", WITH_BODY)
async def test_a_body_that_is_no_json_object_is_refused(clients: Clients, key: str) -> None:
    rpc = HTTP_RPCS[key]

    async def check(name: str, body: bytes) -> str | None:
        response = await clients[rpc.service].request(rpc.verb, rpc.route.format(id=1), content=body)
        return Sent(f"{key} with {name}", response).problem(None)

    assert await _problems(check(*body) for body in NOT_JSON.items()) == []


@pytest.mark.parametrize("key", WITH_BODY)
@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
async def test_what_is_no_number_is_refused_by_name(clients: Clients, key: str, number: str) -> None:
    rpc = HTTP_RPCS[key]
    fields = [f.name for f in rpc.request.DESCRIPTOR.fields if f.type in _NUMBERS and f.name not in rpc.path_fields]
    for name in fields:
        body = json.dumps({**sound_request(rpc.request.DESCRIPTOR), name: "#"}).replace('"#"', number)
        response = await clients[rpc.service].request(rpc.verb, rpc.route.format(id=1), content=body)
        problem = Sent(f"{key} {body}", response).problem(None)
        assert problem is None
        assert response.json()["msg"].partition(":")[0] in (name, "body")


_NUMBERS = (FieldDescriptor.TYPE_INT32, FieldDescriptor.TYPE_UINT32, FieldDescriptor.TYPE_UINT64)


@pytest.mark.parametrize("key", WITH_BODY)
async def test_a_huge_body_is_refused(clients: Clients, key: str) -> None:
    rpc = HTTP_RPCS[key]
    body = json.dumps({**sound_request(rpc.request.DESCRIPTOR), "unknown": "x" * (3 << 20)}).encode()

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 1 << 16):
            yield body[start : start + (1 << 16)]

    for content in (body, chunks()):
        response = await clients[rpc.service].request(rpc.verb, rpc.route.format(id=1), content=content)
        assert response.status_code in (400, 413)
        assert set(response.json()) == ENVELOPE
        assert "body" in response.json()["msg"]


@pytest.mark.parametrize("key", WITH_BODY)
async def test_unknown_fields_and_a_missing_or_odd_content_type_do_no_harm(clients: Clients, key: str) -> None:
    """Everything sound gets past the reading; what the service then says to it is another matter."""
    rpc = HTTP_RPCS[key]
    for headers in ({}, {"content-type": "text/plain"}, {"content-type": "application/x-www-form-urlencoded"}):
        fields = {**sound_request(rpc.request.DESCRIPTOR), "unknown": {"a": [1, None]}, "Id": 5, "": ""}
        # Named as a branch, so that branches don't refuse for want of a name.
        sent = await _send(clients, rpc, fields, headers=headers, params=Branch(fresh.gid()).query)
        assert sent.response.status_code in (200, 404, 409), (sent.what, sent.response.text)
        assert set(sent.response.json()) == ENVELOPE


@pytest.mark.parametrize("key", WITH_BODY)
async def test_whole_numbers_may_come_as_texts(clients: Clients, key: str) -> None:
    rpc = HTTP_RPCS[key]
    fields = _numbers_as_texts(sound_request(rpc.request.DESCRIPTOR))

    sent = await _send(clients, rpc, fields, params=Branch(fresh.gid()).query)

    assert sent.response.status_code in (200, 404, 409), (sent.what, sent.response.text)


def _numbers_as_texts(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _numbers_as_texts(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_numbers_as_texts(item) for item in value]
    return str(value) if type(value) is int else value
