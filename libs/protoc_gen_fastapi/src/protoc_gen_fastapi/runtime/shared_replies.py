"""Replies that several calls get: the message is turned into JSON once for all of them."""

from collections.abc import Callable
from typing import Any, TypeVar

from google.protobuf.message import Message

F = TypeVar("F", bound=Callable[..., Any])
_MARK = "__shares_replies__"


def shares_replies(method: F) -> F:
    """Marks a method that may answer several calls with one and the same message, which nobody changes any more."""
    setattr(method, _MARK, True)
    return method


class EncodedOnce:
    """Encodes the replies of one rpc. Where they are shared, the last one is remembered: those who share it are
    answered one right after the other.
    """

    __slots__ = ("_body", "_encode", "_reply", "_shared")

    def __init__(self, encode: Callable[[Any], bytes], function: object) -> None:
        self._encode = encode
        self._shared = bool(getattr(function, _MARK, False))
        self._reply: Message | None = None
        self._body = b""

    def __call__(self, reply: Message) -> bytes:
        if not self._shared:
            return self._encode(reply)
        if reply is not self._reply:
            self._reply, self._body = reply, self._encode(reply)
        return self._body
