"""Reads an HTTP request into a request message: path over query over body, within a size limit."""

from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import parse_qsl

import orjson
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from pydantic import ValidationError
from starlette.types import Receive

from protoc_gen_fastapi.runtime.errors import InvalidArgument, PayloadTooLarge, UnsupportedEncoding
from protoc_gen_fastapi.runtime.serving import Rpc
from protoc_gen_fastapi.runtime.values import exact_object, is_inexact, refusal

_TRUTHS = {"true": True, "false": False}


class RequestReader:
    """Reads the requests of one rpc."""

    __slots__ = ("_flags", "_model", "_plain", "_reads_body")

    def __init__(self, rpc: Rpc) -> None:
        fields = [f for f in rpc.request.DESCRIPTOR.fields if not f.is_repeated and f.message_type is None]
        self._plain = frozenset(f.name for f in fields)
        self._flags = [f.name for f in fields if f.type == FieldDescriptor.TYPE_BOOL]
        self._model = rpc.model
        self._reads_body = rpc.http is not None and rpc.http.reads_body

    async def read(
        self,
        path: Mapping[str, str],
        query: Mapping[str, str],
        headers: Mapping[str, str],
        receive: Receive,
        limit: int,
    ) -> Message:
        """The request message. Raises InvalidArgument naming the field that is wrong, or says why there is no body."""
        if "content-encoding" in headers:
            _refuse_encoded(headers["content-encoding"])
        body = await read_body(headers, receive, limit) if self._reads_body else b""
        return self.message(body, path, query)

    def read_already(self, body: bytes, query: Mapping[str, str], headers: Mapping[str, str]) -> Message:
        """The request message, of a body that has been read. Errors as in `read`."""
        if "content-encoding" in headers:
            _refuse_encoded(headers["content-encoding"])
        return self.message(body if self._reads_body else b"", {}, query)

    def message(self, body: bytes, path: Mapping[str, str], query: Mapping[str, str]) -> Message:
        """The request message. Raises InvalidArgument naming the field that is wrong."""
        values = json_object(body)
        more = {**self._from_query(query), **path} if query or path else {}
        values.update(more)
        try:
            model = self._model.model_validate(values)
        except ValidationError as error:
            if not is_inexact(error):
                raise refusal(error) from None
            model = self._validate_exactly(body, more)
        return model.to_proto()

    def _validate_exactly(self, body: bytes, more: Mapping[str, str]) -> Any:
        """The model of a body in which a whole number is written with a point or an exponent, or is very large.

        As a float it may have been rounded, so the body is read once more, digit by digit.
        """
        try:
            return self._model.model_validate(exact_object(body) | dict(more))
        except ValidationError as error:
            raise refusal(error) from None

    def _from_query(self, query: Mapping[str, str]) -> dict[str, Any]:
        values: dict[str, Any] = {name: value for name, value in query.items() if name in self._plain}
        for name in self._flags:
            if name in values:
                values[name] = _TRUTHS.get(values[name], values[name])
        return values


def _refuse_encoded(encoding: str) -> None:
    if encoding.strip().lower() not in ("", "identity"):
        raise UnsupportedEncoding("Content-Encoding: the body must be sent as it is, without compression")


async def read_body(headers: Mapping[str, str], receive: Receive, limit: int) -> bytes:
    """The body. Raises PayloadTooLarge as soon as it is known to be larger than `limit`.

    The rest is not read here: the server drops it while the answer is on its way. Were the connection closed instead,
    it would be reset on unread data, and the client would not see the answer.
    """
    announced = headers.get("content-length", "")
    if announced.isdecimal() and (len(announced) > 18 or int(announced) > limit):
        raise PayloadTooLarge(f"body: must have at most {limit} bytes")
    chunks: list[bytes] = []
    size = 0
    while True:
        event = await receive()
        if event["type"] == "http.disconnect":
            raise InvalidArgument("body", "the client left before it was sent")
        chunks.append(event.get("body", b""))
        size += len(chunks[-1])
        if size > limit:
            raise PayloadTooLarge(f"body: must have at most {limit} bytes")
        if not event.get("more_body", False):
            return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def json_object(body: bytes) -> dict[str, Any]:
    """The JSON object that a body is; one of white space only is taken as {}. Raises InvalidArgument."""
    if not body or body.isspace():
        return {}
    try:
        value: Any = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise InvalidArgument("body", "is not valid JSON") from None
    if not isinstance(value, dict):
        raise InvalidArgument("body", "must be an object")
    return cast("dict[str, Any]", value)


def query_values(raw: bytes) -> dict[str, str]:
    """The query parameters; of one that is repeated the first counts. What is not UTF-8 becomes U+FFFD, as in paths."""
    values: dict[str, str] = {}
    for name, value in parse_qsl(raw.decode("latin-1"), keep_blank_values=True):
        values.setdefault(name, value)
    return values
