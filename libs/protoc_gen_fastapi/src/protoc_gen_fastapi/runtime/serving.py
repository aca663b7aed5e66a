"""One call from the transport's side: runs the method, and turns whatever is raised into the one table of errors."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from google.protobuf.message import Message

from protoc_gen_fastapi.runtime.call import Call, current_call
from protoc_gen_fastapi.runtime.errors import (
    DeadlineExceeded,
    Internal,
    RpcError,
    Unimplemented,
)
from protoc_gen_fastapi.runtime.hooks import Hooks

MAX_MESSAGE: Final = 400
Violation = tuple[str, str]
"""(field, problem)"""
Function = Callable[[Any, Call], Awaitable[Message]]


@dataclass(frozen=True)
class Http:
    """Where an rpc is found on HTTP. `reads_body` is false where the request is path and query only."""

    verb: str
    path: str
    reads_body: bool
    path_fields: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rpc:
    """What both transports need to know about one rpc; the generated code has one for each."""

    path: str
    name: str
    request: type[Message]
    reply: type[Message]
    check: Callable[[Any], Violation | None]
    model: Any = None
    body: Any = None
    encode: Callable[[Any], dict[str, Any]] | None = None
    envelope: Any = None
    http: Http | None = None
    summary: str = ""
    description: str = ""


class Server:
    """Serves one rpc with one function, whatever the transport."""

    __slots__ = ("function", "hooks", "rpc")

    def __init__(self, rpc: Rpc, function: Function, hooks: Hooks) -> None:
        self.rpc = rpc
        self.function = function
        self.hooks = hooks

    async def run(self, call: Call, request: Message | RpcError) -> Message:
        """Answers with the reply or raises an RpcError. `request` is an error where there was none to read."""
        self.hooks.started(self.rpc.path, call)
        begin, status = time.perf_counter(), "CANCELLED"
        token = current_call.set(call)
        try:
            reply = await self._call(call, request)
            status = "OK"
        except Exception as exc:  # the last place where an error can become an answer
            error = self._judge(call, exc)
            if error is None:
                status = "OK"
                return self.rpc.reply()
            status = error.status.name
            worded = self.hooks.worded(error, call)
            raise worded from (None if worded is exc else exc)
        else:
            return reply
        finally:
            current_call.reset(token)
            self.hooks.finished(self.rpc.path, call, status, time.perf_counter() - begin)

    async def _call(self, call: Call, request: Message | RpcError) -> Message:
        if isinstance(request, RpcError):
            raise request
        reply = await self._call_in_time(call, request)
        if not isinstance(reply, self.rpc.reply):
            raise TypeError(f"{self.rpc.path} answers with a {type(reply).__name__}")
        return reply

    async def _call_in_time(self, call: Call, request: Message) -> Message:
        if call.transport != "http":
            return await self.function(request, call)  # gRPC itself ends calls that are late
        limit = asyncio.timeout(call.remaining())
        try:
            async with limit:
                return await self.function(request, call)
        except TimeoutError as exc:
            if limit.expired():
                raise DeadlineExceeded from exc
            raise

    def _judge(self, call: Call, exc: Exception) -> RpcError | None:
        """The error to answer with; None where the answer is OK nevertheless."""
        error = exc if isinstance(exc, RpcError) else self._translate(exc)
        if isinstance(error, Internal):
            self.hooks.internal_error(self.rpc.path, call, exc)
        return self.hooks.judge(self.rpc.path, call, error)

    def _translate(self, exc: Exception) -> RpcError:
        if isinstance(exc, NotImplementedError):
            return Unimplemented()
        return self.hooks.translate(exc) or Internal()
