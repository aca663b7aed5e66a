"""The envelope in which every HTTP answer stands: {"code": 0, "msg": "ok", "data": {...}}."""

from typing import Any, Final, NamedTuple

import orjson
from starlette.responses import Response

from protoc_gen_fastapi.runtime.call import REQUEST_ID
from protoc_gen_fastapi.runtime.errors import Internal, RpcError

JSON: Final = "application/json"
_OK: Final = b'{"code":0,"msg":"ok","data":'
# These pass; clients that know the header wait this many seconds before they ask again.
_PASSING: Final = frozenset({429, 503})
_WAIT_SECONDS: Final = "1"


class Answer(NamedTuple):
    """An HTTP answer, before it is known whether it leaves as a Response or straight through ASGI."""

    status: int
    body: bytes
    headers: dict[str, str]


def success(body: bytes, request_id: str) -> Answer:
    return Answer(200, body, {REQUEST_ID: request_id})


def enveloped(data: dict[str, Any]) -> bytes:
    """The body of a success."""
    return _OK + orjson.dumps(data) + b"}"


def plain_failure(error: RpcError, request_id: str) -> Answer:
    """An error as a google.rpc.Status."""
    answer = failure(error, request_id)
    body = orjson.dumps({"code": error.status.value[0], "message": error.message, "details": []})
    return Answer(answer.status, body, answer.headers)


def failure(error: RpcError, request_id: str) -> Answer:
    headers = {REQUEST_ID: request_id} if request_id else {}
    if error.http_status in _PASSING:
        headers["retry-after"] = _WAIT_SECONDS
    body = orjson.dumps({"code": error.code, "msg": error.message, "data": error.data}, default=str)
    return Answer(error.http_status, body, headers)


def crashed() -> Answer:
    """What a caller is told where even the answer could not be made."""
    return failure(Internal(), "")


def as_response(answer: Answer) -> Response:
    return Response(answer.body, answer.status, answer.headers, JSON)


def error_response(error: RpcError, request_id: str = "") -> Response:
    """The envelope of an error, for routes that are not generated."""
    return as_response(failure(error, request_id))
