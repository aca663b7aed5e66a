"""Answers one route of an rpc over HTTP: reads, runs and encodes, straight from bytes to bytes."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from typing import Any

import orjson
from google.protobuf.message import Message
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from protoc_gen_fastapi.runtime.call import Call, http_call
from protoc_gen_fastapi.runtime.documenting import Documented
from protoc_gen_fastapi.runtime.envelope import (
    JSON,
    Answer,
    as_response,
    enveloped,
    failure,
    plain_failure,
    success,
)
from protoc_gen_fastapi.runtime.errors import RpcError
from protoc_gen_fastapi.runtime.hooks import Hooks
from protoc_gen_fastapi.runtime.int64_text import asks_for_text, with_text
from protoc_gen_fastapi.runtime.reading import Query, RequestReader, query_values
from protoc_gen_fastapi.runtime.serving import Function, Http, Rpc, Server
from protoc_gen_fastapi.runtime.shapes import Shapes
from protoc_gen_fastapi.runtime.shared_replies import EncodedOnce

Encode = Callable[[Message], bytes]
NO_QUERY = Query({}, b"")


class Endpoint:
    """An endpoint for FastAPI, and an ASGI application for those who know already that it is the one."""

    def __init__(self, rpc: Rpc, http: Http, function: Function, hooks: Hooks, documented: Documented) -> None:
        encode = rpc.encode
        assert encode is not None  # noqa: S101 - the plugin gives one to every rpc that has an HTTP path
        form = documented.form
        self._rpc = rpc
        self.http = http
        self._server = Server(rpc, function, hooks)
        self._reader = RequestReader(rpc, http, Shapes(documented.shown, takes_no_numbers=form.json == "proto"))
        wrap = enveloped if form.answers == "envelope" else orjson.dumps
        chosen = _chosen(rpc, http)
        self._body_of = EncodedOnce(lambda reply: wrap(chosen(encode(reply))), function)
        self._text_of: Encode = lambda reply: wrap(chosen(with_text(encode(reply), rpc.reply)))
        self._failure = failure if form.answers == "envelope" else plain_failure
        self._hooks = hooks
        self._parameters = http.template.parameters
        self.documented = documented
        self.__name__ = rpc.name
        self.__doc__ = rpc.description

    @property
    def streams(self) -> bool:
        return self._rpc.streams == "server"

    async def __call__(self, request: Request) -> Response:
        if self.streams:
            return await self._events(request)
        return as_response(await self._answer(request.scope, request.receive, self._path(request)))

    def _path(self, request: Request) -> dict[str, str]:
        """What stands in the path, by field."""
        return {field: request.path_params[name] for name, field in self._parameters.items()}

    async def asgi(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers without a route. The path must have no parameters."""
        status, body, headers = await self._answer(scope, receive, {})
        raw = [(key.encode(), value.encode()) for key, value in headers.items()]
        raw += [(b"content-type", JSON.encode()), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": status, "headers": raw})
        await send({"type": "http.response.body", "body": body})

    @property
    def max_body(self) -> int:
        """Largest body in bytes."""
        return self._hooks.max_body

    async def answer(self, headers: list[tuple[bytes, bytes]], raw_query: bytes, body: bytes) -> Answer:
        """Answers a request that has been read already, without ASGI. Its path must have no parameters."""
        call, query = self._called(headers, raw_query)
        request: Message | RpcError
        try:
            request = self._reader.read_already(body, query, call.metadata)
        except RpcError as error:
            request = error
        return await self._run(call, request)

    async def _answer(self, scope: Scope, receive: Receive, path: Mapping[str, str]) -> Answer:
        call, query = self._called(scope["headers"], scope["query_string"])
        return await self._run(call, await self._read(call, path, query, receive))

    def _called(self, headers: list[tuple[bytes, bytes]], raw_query: bytes) -> tuple[Call, Query]:
        if not raw_query:
            return http_call(headers, {}, self._hooks)[0], NO_QUERY
        call, query = http_call(headers, query_values(raw_query), self._hooks)
        return call, Query(query, raw_query)

    async def _read(self, call: Call, path: Mapping[str, str], query: Query, receive: Receive) -> Message | RpcError:
        try:
            return await self._reader.read(path, query, call.metadata, receive, self._hooks.max_body)
        except RpcError as error:
            return error

    async def _run(self, call: Call, request: Message | RpcError) -> Answer:
        try:
            reply = await self._server.run(call, request)
        except RpcError as error:
            return self._failure(error, call.request_id)
        return success(self._encoder(call)(reply), call.request_id)

    def _encoder(self, call: Call) -> Encode:
        """What writes replies as this caller asked for them."""
        return self._text_of if asks_for_text(call.metadata) else self._body_of

    async def _events(self, request: Request) -> Response:
        """The replies as Server-Sent Events. What fails before the first one is answered as ever."""
        scope = request.scope
        call, query = self._called(scope["headers"], scope["query_string"])
        replies = self._server.stream(call, await self._read(call, self._path(request), query, request.receive))
        try:
            first = await anext(replies, None)
        except RpcError as error:
            return as_response(self._failure(error, call.request_id))
        headers = {"cache-control": "no-store", "x-request-id": call.request_id}
        return _Events(self._written(first, replies, call), replies, headers)

    async def _written(
        self, first: Message | None, replies: AsyncIterator[Message], call: Call
    ) -> AsyncIterator[bytes]:
        if first is None:
            return
        encode = self._encoder(call)
        yield b"data: " + encode(first) + b"\n\n"
        try:
            async for reply in replies:
                yield b"data: " + encode(reply) + b"\n\n"
        except RpcError as error:
            yield b"event: error\ndata: " + self._failure(error, call.request_id).body + b"\n\n"


class _Events(StreamingResponse):
    """A stream of events. However it ends, the replies are closed at once: whoever makes them must not wait for the
    garbage collector to hear of it.
    """

    def __init__(
        self, events: AsyncIterator[bytes], replies: AsyncGenerator[Message], headers: Mapping[str, str]
    ) -> None:
        super().__init__(events, 200, headers, "text/event-stream")
        self._replies = replies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._replies.aclose()


def _chosen(rpc: Rpc, http: Http) -> Callable[[Any], Any]:
    """What is answered of an encoded reply: all of it, or one field."""
    if not http.reply:
        return lambda data: data
    field = rpc.gives.fields_by_name[http.reply]
    empty: Any = [] if field.is_repeated else None if field.message_type is not None else field.default_value
    return lambda data: data.get(field.name, data.get(field.json_name, empty))
