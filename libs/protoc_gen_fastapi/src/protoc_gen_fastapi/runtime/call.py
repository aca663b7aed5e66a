"""What a method is told about the call it serves: metadata, request id, deadline."""

import os
import re
import time
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any, Final, Literal

from protoc_gen_fastapi.runtime.language import ACCEPT_LANGUAGE, preferred

Transport = Literal["grpc", "http", "local"]

REQUEST_ID: Final = "x-request-id"
IDEMPOTENCY_KEY: Final = "idempotency-key"
DTM_PREFIX: Final = "dtm-"
_DTM_QUERY: Final = ("gid", "branch_id", "op", "trans_type")
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
        """The metadata that calls to other services bear: never DTM's, which belongs to this call alone."""
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

    @property
    def is_branch(self) -> bool:
        """True when DTM makes this call."""
        return "dtm-gid" in self.metadata

    @property
    def is_undo(self) -> bool:
        """True when DTM asks to undo what a branch did."""
        return self.metadata.get("dtm-op") == "compensate" and self.is_branch


current_call: ContextVar[Call | None] = ContextVar("current_call", default=None)
"""The call being served, for logs; None outside of one."""


def grpc_call(context: Any, *, branches: bool) -> Call:
    """The call that a gRPC servicer context tells of."""
    pairs = context.invocation_metadata() or ()
    metadata = {key: value for key, value in pairs if isinstance(value, str)}
    remaining = context.time_remaining()
    deadline = None if remaining is None else time.monotonic() + remaining
    return Call(metadata if branches else without_dtm(metadata), deadline, "grpc")


def http_call(headers: list[tuple[bytes, bytes]], query: Mapping[str, str], timeout: float, *, branches: bool) -> Call:
    """The call that an HTTP request makes; DTM names its branches in the query."""
    metadata = {key.decode("latin-1"): value.decode("latin-1") for key, value in headers}
    if not branches:
        metadata = without_dtm(metadata)
    elif is_dtm_query(query):
        metadata.update({DTM_PREFIX + name: query[name] for name in _DTM_QUERY if name in query})
    return Call(metadata, time.monotonic() + timeout, "http")


def is_dtm_query(query: Mapping[str, str]) -> bool:
    """True when DTM calls: it always sends both names, and no one else has a reason to."""
    return "gid" in query and "trans_type" in query


def without_dtm_names(query: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in query.items() if name not in _DTM_QUERY}


def without_dtm(metadata: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in metadata.items() if not key.startswith(DTM_PREFIX)}
