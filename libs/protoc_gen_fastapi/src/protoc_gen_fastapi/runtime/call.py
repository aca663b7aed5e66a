"""What a method is told about the call it serves: metadata, request id, deadline."""

import os
import re
import time
from collections.abc import Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from protoc_gen_fastapi.runtime.hooks import Hooks

from protoc_gen_fastapi.runtime.language import ACCEPT_LANGUAGE, preferred

Transport = Literal["grpc", "http", "local"]

REQUEST_ID: Final = "x-request-id"
IDEMPOTENCY_KEY: Final = "idempotency-key"
_NO_QUERY: Final[Mapping[str, str]] = {}
_SOUND_ID = re.compile(r"[A-Za-z0-9._-]{1,64}").fullmatch
SOUND_KEY: Final = re.compile(r"[ -~]{1,255}").fullmatch


def is_request_id(text: str) -> bool:
    """Whether a caller's request id can be taken over into logs and headers."""
    return _SOUND_ID(text) is not None


class Call:
    """One call being served, or made inside the process.

    `metadata` has lower-case keys; `deadline` is in the time of `time.monotonic()`.
    """

    __slots__ = ("deadline", "metadata", "request_id", "transport")

    def __init__(self, metadata: Mapping[str, str], deadline: float | None, transport: Transport) -> None:
        given = metadata.get(REQUEST_ID, "")
        self.metadata = metadata
        self.request_id = given if is_request_id(given) else os.urandom(12).hex()
        self.deadline = deadline
        self.transport: Transport = transport

    @classmethod
    def local(cls, metadata: Mapping[str, str] | None = None, *, timeout: float | None = None) -> "Call":
        """A call that begins inside this process: a background task, a test."""
        deadline = None if timeout is None else time.monotonic() + timeout
        return cls({key.lower(): value for key, value in (metadata or {}).items()}, deadline, "local")

    def remaining(self) -> float | None:
        """Seconds until the deadline, 0 when it has passed; None where there is none."""
        return None if self.deadline is None else max(0.0, self.deadline - time.monotonic())

    def outgoing(self) -> tuple[tuple[str, str], ...]:
        """The metadata that calls to other services bear; all other metadata belongs to this call alone."""
        told = ((REQUEST_ID, self.request_id),)
        for name in (IDEMPOTENCY_KEY, ACCEPT_LANGUAGE):
            value = self.metadata.get(name)
            if value is not None and SOUND_KEY(value):
                told = (*told, (name, value))
        return told

    def prefers(self, known: tuple[str, ...]) -> str:
        """The language of `known` that the caller wants; the first where it says nothing."""
        header = self.metadata.get(ACCEPT_LANGUAGE)
        return known[0] if header is None else preferred(header, known)


current_call: ContextVar[Call | None] = ContextVar("current_call", default=None)
"""The call being served, for logs; None outside of one."""


def grpc_call(context: Any, hooks: "Hooks") -> Call:
    """The call that a gRPC servicer context tells of."""
    pairs = context.invocation_metadata() or ()
    metadata = {key: value for key, value in pairs if isinstance(value, str)}
    hooks.incoming(metadata, _NO_QUERY)
    remaining = context.time_remaining()
    deadline = None if remaining is None else time.monotonic() + remaining
    return Call(metadata, deadline, "grpc")


def http_call(
    headers: list[tuple[bytes, bytes]], query: Mapping[str, str], hooks: "Hooks"
) -> tuple[Call, Mapping[str, str]]:
    """The call that an HTTP request makes, and the query that its fields are read from."""
    metadata = {key.decode("latin-1"): value.decode("latin-1") for key, value in headers}
    query = hooks.incoming(metadata, query)
    return Call(metadata, time.monotonic() + hooks.default_timeout, "http"), query
