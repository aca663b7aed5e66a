"""Idempotency keys: how a request bears one, what makes two requests the same, and how it is documented.

A client sends `Idempotency-Key` (on gRPC metadata `idempotency-key`) to be able to repeat a request whose answer it did
not get. What was answered is kept by the service that takes the request in, per user, for at least a day.
"""

import hashlib
from collections.abc import Sequence
from typing import Any, Final

from fastapi import APIRouter
from fastapi.routing import APIRoute
from google.protobuf.message import Message

from protoc_gen_fastapi.runtime import IDEMPOTENCY_KEY, SOUND_KEY, Call, InvalidArgument, Refused, Unprocessable

HEADER: Final = "Idempotency-Key"
KEY_STILL_RUNNING: Final = 30027
KEPT_SECONDS: Final = 2 * 24 * 3600


def key_of(call: Call) -> str | None:
    """The key that a call bears, None without one. Raises InvalidArgument where it is not 1-255 printable ASCII."""
    key = call.metadata.get(IDEMPOTENCY_KEY)
    if key is not None and not SOUND_KEY(key):
        raise InvalidArgument(HEADER, "must be 1 to 255 printable ASCII characters")
    return key


def keys_of(calls: Sequence[Call]) -> list[str]:
    """The keys of several calls, "" where one bears none; empty where none bears one."""
    keys = [call.metadata.get(IDEMPOTENCY_KEY, "") for call in calls]
    return keys if any(keys) else []


def fingerprint(request: Message) -> str:
    """64 hexadecimal digits that are the same for the same request, however its JSON was written."""
    return hashlib.sha256(request.SerializeToString(deterministic=True)).hexdigest()


def still_running() -> Refused:
    """The first request with this key has no answer yet."""
    return Refused(
        "a request with this idempotency key is still running; ask again in a moment",
        code=KEY_STILL_RUNNING,
        short="KEY_STILL_RUNNING",
    )


def other_request() -> Unprocessable:
    """The key was used before, for something else."""
    return Unprocessable(f"{HEADER}: it was used before, with another request", short="KEY_REUSED")


_PARAMETER: dict[str, Any] = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "description": "Makes the request safe to repeat: the same key and body get the same answer, for two days and per"
    " userID. Another body under a used key gets 422, a repetition while the first still runs 409.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]{1,255}$"},
}
_CONTENT = {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorEnvelope"}}}
_REUSED = {"description": "The idempotency key was used before, with another request", "content": _CONTENT}


def takes_keys(router: APIRouter, *rpcs: str) -> APIRouter:
    """Documents the header at these rpcs of `router`, and returns it."""
    for route in router.routes:
        if isinstance(route, APIRoute) and route.name in rpcs:
            more = {"parameters": [_PARAMETER], "responses": {"422": _REUSED}}
            route.openapi_extra = {**(route.openapi_extra or {}), **more}
    return router
