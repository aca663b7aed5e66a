"""Streams: of replies over both transports, of requests over gRPC."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from protoc_gen_fastapi.runtime import Call, InvalidArgument, NotFound, Refused

from .serving import served

STREAMS = """
import "buf/validate/validate.proto";
service Things {
  // Counts up.
  rpc Watch(Req) returns (stream Reply) { option (google.api.http) = {get: "/watch/{n}"}; }
  rpc Upload(stream Req) returns (Reply) { option (google.api.http) = {post: "/upload" body: "*"}; }
  rpc Chat(stream Req) returns (stream Reply);
  rpc Do(Req) returns (Reply) { option (google.api.http) = {get: "/do/{n}"}; }
}
message Req { int32 n = 1 [(buf.validate.field).int32.gte = 0]; }
message Reply { int64 n = 1; }
"""


class Things:
    """Counts to n; 13 is refused at once, and what follows 3 is refused after three replies."""

    def __init__(self, pb: Any) -> None:
        self._pb = pb
        self.closed = asyncio.Event()

    async def watch(self, request: Any, _call: Call) -> AsyncIterator[Any]:
        if request.n == 13:
            raise NotFound("13 is not here")
        try:
            for n in range(request.n):
                if n == 3:
                    raise Refused("only three", code=30023)
                yield self._pb.Reply(n=n)
                if request.n == 2:
                    await asyncio.sleep(30 if n else 0)
        finally:
            self.closed.set()

    async def upload(self, requests: AsyncIterator[Any], _call: Call) -> Any:
        return self._pb.Reply(n=sum([request.n async for request in requests]))

    async def chat(self, requests: AsyncIterator[Any], _call: Call) -> AsyncIterator[Any]:
        async for request in requests:
            yield self._pb.Reply(n=request.n * 2)

    async def do(self, request: Any, _call: Call) -> Any:
        return self._pb.Reply(n=request.n)


async def sent(pb: Any, *numbers: int) -> AsyncIterator[Any]:
    for n in numbers:
        yield pb.Req(n=n)


async def test_a_stream_of_replies_comes_as_events(tmp_path: Path) -> None:
    async with served(tmp_path, STREAMS, Things) as things:
        response = await things.http.get("/watch/1", headers={"x-request-id": "r-1"})
        assert response.headers["content-type"].startswith("text/event-stream")
        assert (response.headers["x-request-id"], response.headers["cache-control"]) == ("r-1", "no-store")
        assert response.text == 'data: {"code":0,"msg":"ok","data":{"n":0}}\n\n'


async def test_an_error_before_the_first_reply_is_an_answer_and_one_after_it_an_event(tmp_path: Path) -> None:
    async with served(tmp_path, STREAMS, Things) as things:
        response = await things.http.get("/watch/13")
        assert (response.status_code, response.json()["msg"]) == (404, "13 is not here")
        assert await things.refusal("GET", "/watch/-1") == "n: must be at least 0"
        events = (await things.http.get("/watch/9")).text.strip().split("\n\n")
        assert len(events) == 4
        kind, _, data = events[-1].partition("\n")
        assert (kind, json.loads(data.removeprefix("data: "))["code"]) == ("event: error", 30023)


async def test_streams_over_grpc(tmp_path: Path) -> None:
    async with served(tmp_path, STREAMS, Things) as things:
        pb, client = things.pb, things.client
        assert [r.n async for r in client.watch(pb.Req(n=1), Call.local())] == [0]
        assert (await client.upload(sent(pb, 1, 2, 3), Call.local())).n == 6
        assert [r.n async for r in client.chat(sent(pb, 1, 2), Call.local())] == [2, 4]


async def test_errors_of_streams_over_grpc(tmp_path: Path) -> None:
    async with served(tmp_path, STREAMS, Things) as things:
        pb, client = things.pb, things.client
        with pytest.raises(NotFound, match="13 is not here"):
            [r async for r in client.watch(pb.Req(n=13), Call.local())]
        received: list[int] = []

        async def receive() -> None:
            async for reply in client.watch(pb.Req(n=9), Call.local()):
                received.append(reply.n)

        with pytest.raises(Refused, match="only three"):
            await receive()
        assert received == [0, 1, 2]
        with pytest.raises(InvalidArgument, match="n: must be at least 0"):
            await client.upload(sent(pb, 1, -1), Call.local())
        with pytest.raises(InvalidArgument, match="n: must be at least 0"):
            [r async for r in client.chat(sent(pb, -1), Call.local())]


async def test_a_client_that_leaves_ends_the_stream(tmp_path: Path) -> None:
    made: list[Things] = []

    def make(pb: Any) -> Things:
        made.append(Things(pb))
        return made[0]

    async with served(tmp_path, STREAMS, make) as things:
        replies = things.client.watch(things.pb.Req(n=2), Call.local())
        assert (await anext(replies)).n == 0
        await replies.aclose()
        await asyncio.wait_for(made[0].closed.wait(), 5)


async def test_streams_of_requests_have_no_route_and_the_document_says_so(tmp_path: Path) -> None:
    async with served(tmp_path, STREAMS, Things) as things:
        document = things.app.openapi()
        assert set(document["paths"]) == {"/watch/{n}", "/do/{n}"}
        assert list(document["paths"]["/watch/{n}"]["get"]["responses"]["200"]["content"]) == ["text/event-stream"]
        assert document["tags"] == [{"name": "Things", "description": "Over gRPC only: Upload, Chat."}]
        assert (await things.http.post("/upload")).status_code == 404


async def test_events_write_wide_numbers_as_they_are_asked_to(tmp_path: Path) -> None:
    async with served(tmp_path, STREAMS, Things) as things:
        response = await things.http.get("/watch/1", headers={"accept": "text/event-stream;int64=string"})
        assert response.text == 'data: {"code":0,"msg":"ok","data":{"n":"0"}}\n\n'


@pytest.mark.parametrize("fails_at", ["http.response.start", "http.response.body"])
async def test_a_stream_that_can_t_be_sent_is_closed_at_once(tmp_path: Path, fails_at: str) -> None:
    made: list[Things] = []

    def make(pb: Any) -> Things:
        made.append(Things(pb))
        return made[0]

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(30)
        return {"type": "http.disconnect"}

    async def send(event: Any) -> None:
        if event["type"] == fails_at:
            raise OSError("gone")

    async with served(tmp_path, STREAMS, make) as things:
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "method": "GET",
            "path": "/watch/2",
            "query_string": b"",
            "headers": [],
        }
        with suppress(Exception):
            await things.app(scope, receive, send)
        assert made[0].closed.is_set()
