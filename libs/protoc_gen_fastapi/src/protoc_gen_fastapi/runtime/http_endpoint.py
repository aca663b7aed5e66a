"""Answers one route of an rpc over HTTP: reads, runs and encodes, straight from bytes to bytes."""

from collections.abc import AsyncIterator, Callable, Mapping
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

NO_QUERY = Query({}, b"")
EVENTS = "text/event-stream"


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
        self._data_of = _data_of(rpc, http, encode)
        wrap = enveloped if form.answers == "envelope" else orjson.dumps
        self._body_of = EncodedOnce(lambda reply: wrap(self._data_of(reply)), function)
        self._text_of: Callable[[Message], bytes] = lambda reply: wrap(self._text_data_of(reply))
        self._failure = failure if form.answers == "envelope" else plain_failure
        self._wrap = wrap
        self._hooks = hooks
        self._parameters = {parameter(field): field for field in http.path_fields}
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
        given = request.path_params
        return {field: given[name] for name, field in self._parameters.items()}

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
        if asks_for_text(call.metadata):
            return success(self._text_of(reply), call.request_id)
        return success(self._body_of(reply), call.request_id)

    def _text_data_of(self, reply: Message) -> Any:
        data = self._data_of(reply)
        return data if self.http.reply else with_text(data, self._rpc.reply)

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
        return StreamingResponse(self._written(first, replies, call), 200, headers, EVENTS)

    async def _written(
        self, first: Message | None, replies: AsyncIterator[Message], call: Call
    ) -> AsyncIterator[bytes]:
        if first is None:
            return
        yield self._event(first)
        try:
            async for reply in replies:
                yield self._event(reply)
        except RpcError as error:
            yield b"event: error\ndata: " + self._failure(error, call.request_id).body + b"\n\n"

    def _event(self, reply: Message) -> bytes:
        return b"data: " + self._wrap(self._data_of(reply)) + b"\n\n"


def _data_of(rpc: Rpc, http: Http, encode: Callable[[Any], Any]) -> Callable[[Message], Any]:
    """What is answered of a reply: all of it, or one field."""
    if not http.reply:
        return encode
    field = rpc.reply.DESCRIPTOR.fields_by_name[http.reply]
    empty: Any = [] if field.is_repeated else None if field.message_type is not None else field.default_value

    def one(reply: Message) -> Any:
        data = encode(reply)
        return data.get(field.name, data.get(field.json_name, empty))

    return one


def parameter(field: str) -> str:
    """What Starlette calls a field in a path; its names have no dots."""
    return field.replace(".", "__")
