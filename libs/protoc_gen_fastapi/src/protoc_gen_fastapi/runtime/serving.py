"""One call from the transport's side: runs the method, and turns whatever is raised into the one table of errors."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Literal, cast

from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message

from protoc_gen_fastapi.paths import Template, parse
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
Function = Callable[[Any, Call], Any]
"""The method of an API: of a request or an iterator of requests, to an awaitable reply or an iterator of replies."""


Shown = Mapping[str, Mapping[str, Mapping[str, Any]]]
"""What OpenAPI shows beyond the descriptors: message -> field, "" for itself -> JSON Schema."""
Streams = Literal["", "server", "client", "both"]


@dataclass(frozen=True)
class Form:
    """How HTTP answers look.

    json: "lab" has the names of the .proto, numbers of 64 bits, zero values and nulls; "proto" is what the protobuf
    specification says. answers: "envelope" puts replies and errors into {"code", "msg", "data"}; with "plain" a reply
    stands for itself and an error is a google.rpc.Status.
    """

    json: Literal["lab", "proto"] = "lab"
    answers: Literal["envelope", "plain"] = "envelope"


@dataclass(frozen=True)
class Http:
    """Where an rpc is found on HTTP.

    `path` is a template of google.api.http. `body` is "*" where the body is the request, the name of a field where it
    is that field, "" for none; `reply` is the field of the reply that is answered, "" for all of it.
    """

    verb: str
    path: str
    body: str = ""
    reply: str = ""

    @cached_property
    def template(self) -> Template:
        return parse(self.path)

    @property
    def path_fields(self) -> tuple[str, ...]:
        return self.template.fields

    @property
    def reads_body(self) -> bool:
        return bool(self.body)


@dataclass(frozen=True)
class Rpc:
    """What both transports need to know about one rpc; the generated code has one for each."""

    path: str
    name: str
    request: type[Message]
    reply: type[Message]
    check: Callable[[Any], Violation | None]
    encode: Callable[[Any], Any] | None = None
    routes: tuple[Http, ...] = ()
    streams: Streams = ""
    summary: str = ""
    description: str = ""

    @property
    def takes(self) -> Descriptor:
        """The descriptor of requests."""
        return cast("Descriptor", self.request.DESCRIPTOR)

    @property
    def gives(self) -> Descriptor:
        """The descriptor of replies."""
        return cast("Descriptor", self.reply.DESCRIPTOR)

    @property
    def http(self) -> Http | None:
        """The first route."""
        return self.routes[0] if self.routes else None


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

    async def stream(self, call: Call, request: Any) -> AsyncGenerator[Message]:
        """Answers with the replies, one after the other, or raises an RpcError. `request` as the method takes it, or an
        error. Runs in a task of its own.
        """
        self.hooks.started(self.rpc.path, call)
        begin, status = time.perf_counter(), "CANCELLED"
        current_call.set(call)
        try:
            if isinstance(request, RpcError):
                raise request
            async with _closing(self.function(request, call)) as replies:
                async for reply in replies:
                    yield self._checked(reply)
            status = "OK"
        except Exception as exc:  # the last place where an error can become an answer
            error = self._judge(call, exc)
            status = "OK" if error is None else error.status.name
            if error is not None:
                worded = self.hooks.worded(error, call)
                raise worded from (None if worded is exc else exc)
        finally:
            self.hooks.finished(self.rpc.path, call, status, time.perf_counter() - begin)

    def _checked(self, reply: Message) -> Message:
        if not isinstance(reply, self.rpc.reply):
            raise TypeError(f"{self.rpc.path} answers with a {type(reply).__name__}")
        return reply

    async def _call(self, call: Call, request: Message | RpcError) -> Message:
        if isinstance(request, RpcError):
            raise request
        return self._checked(await self._call_in_time(call, request))

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


@asynccontextmanager
async def _closing(replies: AsyncIterator[Message]) -> AsyncGenerator[AsyncIterator[Message]]:
    """Ends an iterator of replies at once when nobody reads it any more."""
    try:
        yield replies
    finally:
        close = getattr(replies, "aclose", None)
        if close is not None:
            await close()
