"""The runtime of generated code: calls, hooks, the one table of errors, and the HTTP application's frame."""

from protoc_gen_fastapi.runtime.app import install
from protoc_gen_fastapi.runtime.call import IDEMPOTENCY_KEY, REQUEST_ID, SOUND_KEY, Call, current_call, is_request_id
from protoc_gen_fastapi.runtime.envelope import JSON, Answer, crashed, error_response, failure
from protoc_gen_fastapi.runtime.errors import (
    AlreadyExists,
    Conflict,
    DeadlineExceeded,
    Forbidden,
    Internal,
    InvalidArgument,
    NotFound,
    PayloadTooLarge,
    Refused,
    RpcError,
    StillRunning,
    TooMany,
    Unauthenticated,
    Unavailable,
    Unimplemented,
    Unprocessable,
    UnsupportedEncoding,
    error_class,
    known_codes,
    reworded,
)
from protoc_gen_fastapi.runtime.hooks import Hooks
from protoc_gen_fastapi.runtime.http_endpoint import Endpoint
from protoc_gen_fastapi.runtime.http_routes import direct_endpoints
from protoc_gen_fastapi.runtime.int64_text import ACCEPT_TEXT
from protoc_gen_fastapi.runtime.language import preferred
from protoc_gen_fastapi.runtime.methods import rpc, rpc_path
from protoc_gen_fastapi.runtime.shared_replies import shares_replies

__all__ = [
    "ACCEPT_TEXT",
    "IDEMPOTENCY_KEY",
    "JSON",
    "REQUEST_ID",
    "SOUND_KEY",
    "AlreadyExists",
    "Answer",
    "Call",
    "Conflict",
    "DeadlineExceeded",
    "Endpoint",
    "Forbidden",
    "Hooks",
    "Internal",
    "InvalidArgument",
    "NotFound",
    "PayloadTooLarge",
    "Refused",
    "RpcError",
    "StillRunning",
    "TooMany",
    "Unauthenticated",
    "Unavailable",
    "Unimplemented",
    "Unprocessable",
    "UnsupportedEncoding",
    "crashed",
    "current_call",
    "direct_endpoints",
    "error_class",
    "error_response",
    "failure",
    "install",
    "is_request_id",
    "known_codes",
    "preferred",
    "reworded",
    "rpc",
    "rpc_path",
    "shares_replies",
]
