"""What the generated transports ask of the program they run in."""

from protoc_gen_fastapi.runtime.call import Call
from protoc_gen_fastapi.runtime.errors import RpcError


class Hooks:
    """Does nothing and knows no foreign errors; subclass it for logs, metrics and translations."""

    max_body: int = 1 << 20
    """Largest HTTP body in bytes; more is answered with 413."""

    default_timeout: float = 30.0
    """Seconds that an HTTP request may take; more is answered with 504."""

    branches: bool = True
    """False where no DTM calls, as on a gateway: metadata that names a branch is then dropped."""

    def started(self, method: str, call: Call) -> None:
        """A call came in. `method` is its gRPC path, on HTTP too."""

    def finished(self, method: str, call: Call, status: str, seconds: float) -> None:
        """A call was answered. `status` is the name of a gRPC status code, on HTTP too."""

    def internal_error(self, method: str, call: Call, exc: BaseException) -> None:
        """A call failed in a way that the caller is told nothing about."""

    def undo_ignored(self, method: str, call: Call, error: RpcError) -> None:
        """An undo with bad arguments was answered OK, because undo branches never refuse."""
        self.internal_error(method, call, error)

    def translate(self, exc: BaseException) -> RpcError | None:
        """The error that stands for `exc`; None makes it an internal error."""
        return None

    def worded(self, error: RpcError, call: Call) -> RpcError:
        """The error as this caller is told it, for example in its language.

        Others may be told the same error object, so this must return another one rather than change it.
        """
        return error
