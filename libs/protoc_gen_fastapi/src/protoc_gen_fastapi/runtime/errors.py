"""The one table of errors: what each means, and how gRPC and HTTP get to see it."""
# ruff: noqa: N818 - errors are named as the facts that they tell

from collections.abc import Mapping
from typing import Any, ClassVar

import grpc


class RpcError(Exception):
    """Base of all errors that an rpc answers with.

    `message` is for the caller, `code` stands in the HTTP envelope, `short` is a machine-readable word, `data` goes
    into the envelope's data.
    """

    status: ClassVar[grpc.StatusCode] = grpc.StatusCode.INTERNAL
    http_status: ClassVar[int] = 500
    default_code: ClassVar[int] = 10003
    meaning: ClassVar[str] = "Internal Server Error"
    # True where asking again with the same request can't help.
    final: ClassVar[bool] = False

    def __init__(
        self, message: str = "", *, code: int | None = None, short: str = "", data: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(message or self.meaning)
        self.message = message or self.meaning
        self.code = self.default_code if code is None else code
        self.short = short
        self.data = dict(data) if data else {}


class Refused(RpcError):
    """A fact, and final: out of stock, coupon used."""

    status = grpc.StatusCode.ABORTED
    http_status = 409
    default_code = 10409
    meaning = "Conflict"


class Conflict(Refused):
    """A change that would break the books."""


class StillRunning(RpcError):
    """Not known yet; ask again."""

    status = grpc.StatusCode.FAILED_PRECONDITION
    http_status = 425
    default_code = 10425
    meaning = "Too Early"


class InvalidArgument(RpcError):
    """A field breaks a rule. The message reads "field: problem"."""

    status = grpc.StatusCode.INVALID_ARGUMENT
    http_status = 400
    default_code = 10001
    meaning = "Invalid Parameter"
    final = True

    def __init__(
        self,
        field: str,
        problem: str = "",
        *,
        code: int | None = None,
        short: str = "",
        data: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(f"{field}: {problem}" if problem else field, code=code, short=short, data=data)
        self.field = field
        self.problem = problem


class NotFound(RpcError):
    """There is no such thing."""

    status = grpc.StatusCode.NOT_FOUND
    http_status = 404
    default_code = 10004
    meaning = "Not Found"
    final = True


class AlreadyExists(RpcError):
    """There is such a thing already."""

    status = grpc.StatusCode.ALREADY_EXISTS
    http_status = 409
    default_code = 10005
    meaning = "Already Exists"
    final = True


class Unauthenticated(RpcError):
    """The caller did not tell who it is."""

    status = grpc.StatusCode.UNAUTHENTICATED
    http_status = 401
    default_code = 10002
    meaning = "Unauthorized"
    final = True


class Forbidden(RpcError):
    """The caller may not do this."""

    status = grpc.StatusCode.PERMISSION_DENIED
    http_status = 403
    default_code = 10008
    meaning = "Forbidden"
    final = True


class TooMany(RpcError):
    """The caller asks too often."""

    status = grpc.StatusCode.RESOURCE_EXHAUSTED
    http_status = 429
    default_code = 10007
    meaning = "Too Many Requests"


class PayloadTooLarge(RpcError):
    """The request is larger than the limit."""

    status = grpc.StatusCode.RESOURCE_EXHAUSTED
    http_status = 413
    default_code = 10001
    meaning = "Payload Too Large"
    final = True


class UnsupportedEncoding(RpcError):
    """The body is compressed, which this server does not undo."""

    status = grpc.StatusCode.INVALID_ARGUMENT
    http_status = 415
    default_code = 10001
    meaning = "Unsupported Media Type"
    final = True


class Unprocessable(RpcError):
    """A request in itself right that contradicts an earlier one, as another body under a key that was used before."""

    status = grpc.StatusCode.INVALID_ARGUMENT
    http_status = 422
    default_code = 10422
    meaning = "Unprocessable"
    final = True


class Unavailable(RpcError):
    """A part does not answer; asking again helps."""

    status = grpc.StatusCode.UNAVAILABLE
    http_status = 503
    default_code = 10013
    meaning = "Service Unavailable"


class DeadlineExceeded(RpcError):
    """The time that the caller gave is over; whether the work was done is not known."""

    status = grpc.StatusCode.DEADLINE_EXCEEDED
    http_status = 504
    default_code = 10010
    meaning = "Deadline Exceeded"


class Unimplemented(RpcError):
    """This server does not know the rpc."""

    status = grpc.StatusCode.UNIMPLEMENTED
    http_status = 501
    default_code = 10003
    meaning = "Unimplemented"


class Internal(RpcError):
    """Anything unexpected. The message tells nothing about the inside."""


_BY_STATUS: dict[grpc.StatusCode, type[RpcError]] = {
    grpc.StatusCode.ABORTED: Refused,
    grpc.StatusCode.FAILED_PRECONDITION: StillRunning,
    grpc.StatusCode.INVALID_ARGUMENT: InvalidArgument,
    grpc.StatusCode.OUT_OF_RANGE: InvalidArgument,
    grpc.StatusCode.NOT_FOUND: NotFound,
    grpc.StatusCode.ALREADY_EXISTS: AlreadyExists,
    grpc.StatusCode.UNAUTHENTICATED: Unauthenticated,
    grpc.StatusCode.PERMISSION_DENIED: Forbidden,
    grpc.StatusCode.RESOURCE_EXHAUSTED: TooMany,
    grpc.StatusCode.UNAVAILABLE: Unavailable,
    grpc.StatusCode.CANCELLED: Unavailable,
    grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineExceeded,
    grpc.StatusCode.UNIMPLEMENTED: Unimplemented,
}


def error_class(status: grpc.StatusCode, code: int | None) -> type[RpcError]:
    """The class that stands for what an upstream answered; `code` is its envelope code, if it sent one."""
    if status is grpc.StatusCode.RESOURCE_EXHAUSTED and code == PayloadTooLarge.default_code:
        return PayloadTooLarge
    if status is grpc.StatusCode.INVALID_ARGUMENT and code == Unprocessable.default_code:
        return Unprocessable
    return _BY_STATUS.get(status, Internal)


def reworded(error: RpcError, message: str, code: int) -> RpcError:
    """A copy of the error that says the same with another text and envelope code."""
    return error_class(error.status, code)(message, code=code, short=error.short, data=error.data)


def known_codes() -> list[dict[str, int | str]]:
    """The envelope codes that every service may answer with, for a page that lists them."""
    return [{"code": code, "msg": msg} for code, msg in sorted(_KNOWN_CODES.items())]


_KNOWN_CODES = {
    0: "ok",
    10001: "Invalid Parameter",
    10002: "Unauthorized",
    10003: "Internal Server Error",
    10004: "Not Found",
    10005: "Already Exists",
    10006: "Request Timeout",
    10007: "Too Many Requests",
    10008: "Forbidden",
    10010: "Deadline Exceeded",
    10013: "Service Unavailable",
    10019: "Aborted",
    10409: "Conflict",
    10422: "Unprocessable",
    10425: "Too Early",
}


def error_for_http(status: int, message: str) -> RpcError:
    """The error that stands for what the HTTP framework itself answered; its status is set by the caller."""
    kinds = {
        401: Unauthenticated,
        403: Forbidden,
        404: NotFound,
        413: PayloadTooLarge,
        429: TooMany,
        503: Unavailable,
        504: DeadlineExceeded,
    }
    kind = kinds.get(status, InvalidArgument if status < 500 else Internal)
    return kind(message)
