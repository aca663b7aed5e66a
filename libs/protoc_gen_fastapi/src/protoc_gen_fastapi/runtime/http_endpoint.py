"""Answers one rpc over HTTP: reads, runs and encodes, straight from bytes to bytes."""

from collections.abc import Callable, Mapping

from google.protobuf.message import Message
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from protoc_gen_fastapi.runtime.call import Call, http_call
from protoc_gen_fastapi.runtime.documenting import signature
from protoc_gen_fastapi.runtime.envelope import JSON, Answer, as_response, enveloped, failure, success
from protoc_gen_fastapi.runtime.errors import RpcError
from protoc_gen_fastapi.runtime.hooks import Hooks
from protoc_gen_fastapi.runtime.int64_text import asks_for_text, with_text
from protoc_gen_fastapi.runtime.reading import RequestReader, query_values
from protoc_gen_fastapi.runtime.serving import Function, Rpc, Server
from protoc_gen_fastapi.runtime.shared_replies import EncodedOnce


class Endpoint:
    """An endpoint for FastAPI, and an ASGI application for those who know already that it is the one."""

    def __init__(self, rpc: Rpc, function: Function, hooks: Hooks) -> None:
        encode = rpc.encode
        assert encode is not None  # noqa: S101 - the plugin gives one to every rpc that has an HTTP path
        self._server = Server(rpc, function, hooks)
        self._reader = RequestReader(rpc)
        self._body_of = EncodedOnce(lambda reply: enveloped(encode(reply)), function)
        self._text_of: Callable[[Message], bytes] = lambda reply: enveloped(with_text(encode(reply), rpc.reply))
        self._hooks = hooks
        self.__name__ = rpc.name
        self.__doc__ = rpc.description
        # FastAPI reads the documented parameters from here; it never fills them.
        self.__signature__ = signature(rpc)

    async def __call__(self, request: Request) -> Response:
        return as_response(await self._answer(request.scope, request.receive, request.path_params))

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
        query = query_values(raw_query) if raw_query else {}
        call, query = http_call(headers, query, self._hooks)
        request: Message | RpcError
        try:
            request = self._reader.read_already(body, query, call.metadata)
        except RpcError as error:
            request = error
        return await self._run(call, request)

    async def _answer(self, scope: Scope, receive: Receive, path: Mapping[str, str]) -> Answer:
        hooks, raw = self._hooks, scope["query_string"]
        call, query = http_call(scope["headers"], query_values(raw) if raw else {}, hooks)
        request: Message | RpcError
        try:
            request = await self._reader.read(path, query, call.metadata, receive, hooks.max_body)
        except RpcError as error:
            request = error
        return await self._run(call, request)

    async def _run(self, call: Call, request: Message | RpcError) -> Answer:
        try:
            reply = await self._server.run(call, request)
        except RpcError as error:
            return failure(error, call.request_id)
        if asks_for_text(call.metadata):
            return success(self._text_of(reply), call.request_id)
        return success(self._body_of(reply), call.request_id)
