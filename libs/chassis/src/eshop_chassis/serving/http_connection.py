"""One HTTP connection within limits: how long its head may be, how long a client may take, how many there may be.

uvicorn's protocol with httptools knows none of these limits, and it closes a connection as soon as the client has
sent its last byte, before the answer. The limits cost a plain request two comparisons of integers: `HttpServer`
checks the times of all connections once a second.
"""
# ruff: noqa: N818 - errors are named after the facts that they state

import asyncio
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, cast

import grpc
import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from eshop_chassis.logs import get_logger
from protoc_gen_fastapi.runtime import JSON, InvalidArgument, RpcError, Unavailable, failure

log = get_logger(__name__)
# "METHOD SP target SP HTTP/1.1 CRLF" and the empty line, without method and target
_LINE_ENDS = 13
# Framing and trailers that a chunked body may have for each byte of content: a chunk of one byte has five around it.
_FRAME_PER_BYTE = 16
# Headers that decide how a request is taken; they are looked up once, while they are read.
NOTED = frozenset(
    b"host origin sec-fetch-site sec-fetch-mode sec-fetch-dest expect content-length transfer-encoding".split()
)
# Beyond the limit, this many connections more get 503 before they are closed; further ones are just closed.
_TOLD = 256


@dataclass(frozen=True)
class Limits:
    """What one connection may take. Times are in seconds; a limit may be found exceeded up to a second late."""

    head_bytes: int = 16 * 1024
    head_seconds: float = 10.0
    body_seconds: float = 30.0
    idle_seconds: float = 75.0
    """How long a connection may be idle before it is closed."""
    unread_seconds: float = 30.0
    """How long a client may leave its answer unread."""
    leave_seconds: float = 2.0
    """How long a refused client may go on sending before the connection is cut: closing earlier would reset it, and the
    client would not see the answer."""
    connections: int = 16_384


class HeadTooLarge(RpcError):
    """The request line and the headers together are larger than the limit."""

    status = grpc.StatusCode.RESOURCE_EXHAUSTED
    http_status = 431
    default_code = 10001
    meaning = "Request Header Fields Too Large"
    final = True


class TooSlow(RpcError):
    """The client did not send its request in time."""

    status = grpc.StatusCode.DEADLINE_EXCEEDED
    http_status = 408
    default_code = 10006
    meaning = "Request Timeout"


class Stage(IntEnum):
    """What is expected of the client next."""

    HEAD = 0
    BODY = 1
    DONE = 2
    """Nothing: its request is complete; it is being answered, or was."""
    LEAVE = 3
    """To close the connection. What it still sends is dropped."""


class LimitedProtocol(HttpToolsProtocol):
    """One connection. A subclass decides what answers a request, in `begin_request`."""

    def __init__(self, *args: Any, limits: Limits, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.limits = limits
        self.stage = Stage.HEAD
        # When the client began to let us wait: for the rest of a head or a body, for a next request. 0: not known yet.
        self._since = 0.0
        self._unread_since = 0.0
        self._received = 0
        self._chunk = 0
        self._content = 0
        self._ended = False
        self.notes: dict[bytes, bytes] = {}
        self.noted_twice = False

    @property
    def reading(self) -> httptools.HttpRequestParser:
        """The parser; uvicorn drops it with the connection, after which nothing is parsed."""
        return cast("httptools.HttpRequestParser", self.parser)

    @property
    def busy(self) -> bool:
        """True while a request waits for its answer."""
        cycle = cast("RequestResponseCycle | None", self.cycle)
        return cycle is not None and not cycle.response_complete

    def connection_made(self, transport: asyncio.Transport) -> None:
        super().connection_made(transport)
        self._since = self.loop.time()
        excess = len(self.connections) - self.limits.connections
        if excess > _TOLD:
            transport.abort()
        elif excess > 0:
            self.refuse(Unavailable("there are too many connections; try again"))

    def data_received(self, data: bytes) -> None:
        if self.stage is Stage.LEAVE:
            return
        self._chunk = len(data)
        self._received += self._chunk
        try:
            self.reading.feed_data(data)
        except httptools.HttpParserError:
            if not self._leaves():  # on_headers_complete may have refused it already
                self.refuse(InvalidArgument("request", "is not valid HTTP"))
        except httptools.HttpParserUpgrade:
            self._unsupported_upgrade_warning()
        if self.stage is not Stage.DONE:
            self._check_unfinished()

    def on_message_begin(self) -> None:
        # uvicorn would make an ASGI scope here; begin_asgi does where one is needed.
        self.url = b""
        self.headers = []
        self.notes = {}
        self.noted_twice = False
        self.stage = Stage.HEAD
        self._since = 0.0

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        if name in NOTED:
            self.noted_twice = self.noted_twice or name in self.notes
            self.notes[name] = value
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        head = self.limits.head_bytes
        if (self._received > head or self._chunk > head) and self._head_bytes() > head:
            self._refuse_head()
            raise HeadTooLarge  # ends the parsing; data_received knows
        self.stage = Stage.BODY
        self._since = 0.0
        self._content = 0
        self.begin_request()

    def begin_request(self) -> None:
        """The head is complete: `url` and `headers` are there."""
        self.begin_asgi()

    def begin_asgi(self) -> None:
        """Hands the request to the application `self.app`."""
        url, headers = self.url, self.headers
        super().on_message_begin()
        self.url, self.headers, self.scope["headers"] = url, headers, headers
        self.expect_100_continue = self.notes.get(b"expect", b"").lower() == b"100-continue"
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._content += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        self.message_completed()
        super().on_message_complete()

    def message_completed(self) -> None:
        self.stage = Stage.DONE
        self._received = 0

    def on_response_complete(self) -> None:
        """As uvicorn's, without a timer for each request."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            cycle, app = self.pipeline.pop()
            self._start_asgi_task(cycle, app)
        elif self._ended:
            self.transport.close()
        elif self.stage is Stage.DONE:
            self._since = self.loop.time()

    def eof_received(self) -> bool:  # pyright: ignore[reportIncompatibleMethodOverride] - uvicorn returns nothing, which closes
        """The client sends no more but may still read: its complete requests are answered. True keeps it open."""
        if self.stage is Stage.BODY and self.pipeline:
            self.pipeline.popleft()  # the last of its requests never gets the rest of its body
        elif self.stage in (Stage.BODY, Stage.LEAVE) or not self.busy:
            return False
        self._ended = True
        self.stage = Stage.DONE
        self.cycle.keep_alive = False
        return True

    def pause_writing(self) -> None:
        super().pause_writing()
        self._unread_since = self.loop.time()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._unread_since = 0.0

    def send_400_response(self, msg: str) -> None:
        """Replaces uvicorn's answer to what is not HTTP by an envelope."""
        self.refuse(InvalidArgument("request", msg))

    def refuse(self, error: RpcError) -> None:
        """Answers with an error where that is possible, reads nothing more and closes."""
        behind = self.busy and (self.stage is not Stage.BODY or bool(self.pipeline))
        if self.stage is Stage.BODY and self.pipeline:
            self.pipeline.popleft()
        may_answer = not behind and (self.stage is not Stage.BODY or self._unanswered())
        self.stage = Stage.LEAVE
        self._since = self.loop.time()
        self._ended = True
        if behind:
            return  # an earlier answer is under way; the connection closes after it
        if self.busy:
            self._leave_cycle()
        if may_answer:
            self.transport.write(self._refusal(error))
        self.flow.resume_reading()
        self.transport.write_eof()

    def end_if_overdue(self, now: float) -> None:
        """Ends the connection when the client has kept us waiting for too long."""
        limits = self.limits
        if self._unread_since and now - self._unread_since > limits.unread_seconds:
            self.transport.abort()
        elif not self._since or self.flow.read_paused:
            return  # not waiting for the client
        elif self.stage is Stage.LEAVE:
            if now - self._since > limits.leave_seconds and not self.busy:
                self.transport.abort()
        elif self.stage is Stage.DONE:
            if not self.busy and now - self._since > limits.idle_seconds:
                self.transport.close()
        elif self.stage is Stage.BODY:
            if now - self._since > limits.body_seconds:
                self.refuse(TooSlow(f"the body did not come within {limits.body_seconds:g} s"))
        elif now - self._since > limits.head_seconds:
            self._end_slow_head()

    def _end_slow_head(self) -> None:
        if self._received:
            self.refuse(TooSlow(f"the head did not come within {self.limits.head_seconds:g} s"))
        elif not self.busy:
            self.transport.close()  # it never sent anything

    def _check_unfinished(self) -> None:
        """After a piece of a request that is not all of it."""
        if self.stage is Stage.HEAD and self._received > self.limits.head_bytes:
            self._refuse_head()
        elif b"transfer-encoding" in self.notes and self.stage is Stage.BODY:
            framing = self._received - self._content * (1 + _FRAME_PER_BYTE)
            if framing > 2 * self.limits.head_bytes:
                self._refuse_head()
        if not self._since:
            self._since = self.loop.time()

    def _head_bytes(self) -> int:
        """Size of the head that was read last, in bytes, without the white space around values."""
        around = len(self.reading.get_method()) + len(self.url) + _LINE_ENDS
        return around + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def _refuse_head(self) -> None:
        self.refuse(HeadTooLarge(f"the request line and headers must have at most {self.limits.head_bytes} bytes"))

    def _leaves(self) -> bool:
        return self.stage is Stage.LEAVE

    def _unanswered(self) -> bool:
        return self.busy and not getattr(self.cycle, "response_started", False)

    def _leave_cycle(self) -> None:
        """Tells an application that waits for a body that the client is gone."""
        self.cycle.disconnected = True
        self.cycle.message_event.set()

    def _refusal(self, error: RpcError) -> bytes:
        answer = failure(error, "")
        lines = [b"%s: %s\r\n" % header for header in self.server_state.default_headers if header[0] != b"connection"]
        lines += [f"{name}: {value}\r\n".encode("latin-1") for name, value in answer.headers.items()]
        lines += [b"connection: close\r\n", b"content-type: %s\r\n" % JSON.encode()]
        length = b"content-length: %d\r\n\r\n" % len(answer.body)
        return b"".join([STATUS_LINE[answer.status], *lines, length, answer.body])
