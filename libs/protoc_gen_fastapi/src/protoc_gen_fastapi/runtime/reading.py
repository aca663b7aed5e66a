"""Reads an HTTP request into a request message: path over query over body, within a size limit."""

import json
from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, cast
from urllib.parse import parse_qsl

import orjson
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from starlette.types import Receive

from protoc_gen_fastapi.known import TEXTS
from protoc_gen_fastapi.runtime.errors import InvalidArgument, PayloadTooLarge, UnsupportedEncoding
from protoc_gen_fastapi.runtime.serving import Http, Rpc
from protoc_gen_fastapi.runtime.shapes import Inexact, Shape, Shapes
from protoc_gen_fastapi.wording import REQUIRED

_TRUTHS = {"true": True, "false": False}
_BOOLS = ("google.protobuf.BoolValue",)
Fields = tuple[FieldDescriptor, ...]
"""The way to a field: from the request's own to the inner one."""


class RequestReader:
    """Reads the requests of one route."""

    __slots__ = ("_body", "_body_at", "_check", "_in_path", "_request", "_shape", "_shapes")

    def __init__(self, rpc: Rpc, http: Http, shapes: Shapes) -> None:
        self._request = rpc.request
        self._check = rpc.check
        self._shapes = shapes
        self._shape = shapes.of(rpc.takes)
        self._body = http.body
        self._body_at = self._way(http.body) if http.body not in ("", "*") else ()
        self._in_path = {name: self._way(name) for name in http.path_fields}

    async def read(
        self, path: Mapping[str, str], query: "Query", headers: Mapping[str, str], receive: Receive, limit: int
    ) -> Message:
        """The request message. Raises InvalidArgument naming the field that is wrong, or says why there is no body."""
        if "content-encoding" in headers:
            _refuse_encoded(headers["content-encoding"])
        body = await read_body(headers, receive, limit) if self._body else b""
        return self.message(body, path, query)

    def read_already(self, body: bytes, query: "Query", headers: Mapping[str, str]) -> Message:
        """The request message, of a body that has been read. Errors as in `read`."""
        if "content-encoding" in headers:
            _refuse_encoded(headers["content-encoding"])
        return self.message(body if self._body else b"", {}, query)

    def message(self, body: bytes, path: Mapping[str, str], query: "Query") -> Message:
        """The request message. Raises InvalidArgument naming the field that is wrong."""
        values = self._values(json_value(body), path, query)
        message = self._request()
        try:
            self._shape.fill(message, values)
        except Inexact:
            # A whole number was written with a point or an exponent, or is very large. As a float it may have been
            # rounded, so the body is read once more, digit by digit.
            values = self._values(exact_value(body), path, query)
            message = self._request()
            self._shape.fill(message, values)
        broken = self._check(message)
        if broken is None:
            return message
        field, problem = broken
        raise InvalidArgument(field, problem if self._is_sent(values, field) else REQUIRED)

    def _values(self, body: Any, path: Mapping[str, str], query: "Query") -> dict[str, Any]:
        """What is sent, wherever it is: the path wins over the query, the query over the body."""
        values: dict[str, Any] = {}
        if body is None or not self._body:
            pass
        elif self._body != "*":
            _put(values, self._body_at, body)
        elif isinstance(body, dict):
            values = cast("dict[str, Any]", body)
        else:
            raise InvalidArgument("body", "must be an object")
        for name in query.first:
            self._add_query(values, name, query)
        for name, text in path.items():
            _put(values, self._in_path[name], _in_path(self._in_path[name][-1], text))
        return values

    def _add_query(self, values: dict[str, Any], name: str, query: "Query") -> None:
        try:
            way = self._way(name)
        except KeyError:
            return
        field = way[-1]
        kind = field.message_type.full_name if field.message_type is not None else ""
        if (kind and kind not in TEXTS) or (self._body == "*" and (field.is_repeated or len(way) > 1)):
            return
        if field.is_repeated:
            _put(values, way, [_value_of(field, text) for text in query.every(name)])
        else:
            _put(values, way, _value_of(field, query.first[name]))

    def _way(self, name: str) -> Fields:
        """Raises KeyError."""
        way: list[FieldDescriptor] = []
        shape: Shape | None = self._shape
        for part in name.split("."):
            if shape is None:
                raise KeyError(name)
            field = shape.names[part]
            way.append(field)
            is_plain = field.message_type is None or field.is_repeated
            shape = None if is_plain or field.message_type is None else self._shapes.of(field.message_type)
        return tuple(way)

    def _is_sent(self, values: Any, field: str) -> bool:
        """Whether what breaks a rule was sent at all; a oneof is no field and has words of its own."""
        shape: Shape | None = self._shape
        for part in field.split("."):
            name, bracket, index = part.partition("[")
            if shape is None or name not in shape.names or not isinstance(values, dict):
                return True
            it = shape.names[name]
            sent = cast("dict[str, Any]", values)
            if it.name not in sent and it.json_name not in sent:
                return False
            values = sent.get(it.name, sent.get(it.json_name))
            if bracket:
                if not isinstance(values, list):
                    return True  # in a map
                values = cast("list[Any]", values)[int(index.rstrip("]"))]
            shape = self._shapes.of(it.message_type) if it.message_type is not None else None
        return True


class Query:
    """The query of a request: the first value of each name, and all of them for lists."""

    __slots__ = ("_raw", "first")

    def __init__(self, first: Mapping[str, str], raw: bytes) -> None:
        self.first = first
        self._raw = raw

    def every(self, name: str) -> Iterable[str]:
        return [value for key, value in _pairs(self._raw) if key == name]


def _put(values: dict[str, Any], way: Fields, value: Any) -> None:
    """Puts a value at its place among those that were sent, instead of what is there."""
    for field in way[:-1]:
        inner = values.get(field.name, values.get(field.json_name))
        if inner is None:
            inner = {}
        if not isinstance(inner, dict):
            return  # it is told that this is no object
        _rename(values, field, inner)
        values = cast("dict[str, Any]", inner)
    _rename(values, way[-1], value)


def _rename(values: dict[str, Any], field: FieldDescriptor, value: Any) -> None:
    if field.json_name != field.name:
        values.pop(field.json_name, None)
    values[field.name] = value


def _in_path(field: FieldDescriptor, text: str) -> Any:
    """What stands in a path; a list has commas between its items."""
    if field.is_repeated:
        return [_value_of(field, item) for item in text.split(",")]
    return _value_of(field, text)


def _value_of(field: FieldDescriptor, text: str) -> Any:
    """A text of the path or the query as JSON would have it."""
    is_bool = field.type == FieldDescriptor.TYPE_BOOL
    if is_bool or (field.message_type is not None and field.message_type.full_name in _BOOLS):
        return _TRUTHS.get(text, text)
    return text


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


def json_value(body: bytes) -> Any:
    """The JSON value that a body is; None for one of white space only. Raises InvalidArgument."""
    if not body or body.isspace():
        return None
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise InvalidArgument("body", "is not valid JSON") from None
    if value is None:
        raise InvalidArgument("body", "must be an object")
    return value


def exact_value(body: bytes) -> Any:
    """The JSON value that a body is, with every fraction as a Decimal. Raises InvalidArgument."""
    try:
        return json.loads(body, parse_float=Decimal)
    except (ValueError, InvalidOperation):  # thousands of digits
        raise InvalidArgument("body", "has a number that is too long") from None
    except RecursionError:
        raise InvalidArgument("body", "is nested too deeply") from None


def query_values(raw: bytes) -> dict[str, str]:
    """The query parameters; of one that is repeated the first counts. What is not UTF-8 becomes U+FFFD, as in paths."""
    values: dict[str, str] = {}
    for name, value in _pairs(raw):
        values.setdefault(name, value)
    return values


def _pairs(raw: bytes) -> list[tuple[str, str]]:
    return parse_qsl(raw.decode("latin-1"), keep_blank_values=True)
