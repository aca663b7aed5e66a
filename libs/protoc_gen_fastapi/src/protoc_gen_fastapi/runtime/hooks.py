"""What the generated transports ask of the program they run in."""

from collections.abc import Mapping

from protoc_gen_fastapi.runtime.call import Call
from protoc_gen_fastapi.runtime.errors import RpcError


class Hooks:
    """Does nothing and knows no foreign errors; subclass it for logs, metrics and translations."""

    max_body: int = 1 << 20
    """Largest HTTP body in bytes; more is answered with 413."""

    default_timeout: float = 30.0
    """Seconds that an HTTP request may take; more is answered with 504."""

    def incoming(self, metadata: dict[str, str], query: Mapping[str, str]) -> Mapping[str, str]:
        """A call's metadata (lower-case keys) and query, before anything is made of them; `metadata` may be changed.

        Returns the query that the fields of the request are read from. It is empty over gRPC.
        """
        return query

    def started(self, method: str, call: Call) -> None:
        """A call came in. `method` is its gRPC path, on HTTP too."""

    def finished(self, method: str, call: Call, status: str, seconds: float) -> None:
        """A call was answered. `status` is the name of a gRPC status code, on HTTP too."""

    def internal_error(self, method: str, call: Call, exc: BaseException) -> None:
        """A call failed in a way that the caller is told nothing about."""

    def judge(self, method: str, call: Call, error: RpcError) -> RpcError | None:
        """The error that this caller is answered with; None answers with an empty reply."""
        return error

    def translate(self, exc: BaseException) -> RpcError | None:
        """The error that stands for `exc`; None makes it an internal error."""
        return None

    def worded(self, error: RpcError, call: Call) -> RpcError:
        """The error as this caller is told it, for example in its language.

        Others may be told the same error object, so this must return another one rather than change it.
        """
        return error
