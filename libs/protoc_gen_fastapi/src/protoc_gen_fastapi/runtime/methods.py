"""The tie between a method of a generated API and the path of its rpc."""

from collections.abc import Callable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])
_PATH = "__rpc_path__"


def rpc(path: str) -> Callable[[F], F]:
    """Marks a method of an API as the rpc at `path`, "/package.service/Rpc"."""

    def mark(method: F) -> F:
        setattr(method, _PATH, path)
        return method

    return mark


def rpc_path(method: Callable[..., Any]) -> str:
    """The path of an rpc, named by the method of its API: rpc_path(StockApi.stock_deduct)."""
    path = getattr(method, _PATH, None)
    if not isinstance(path, str):
        raise TypeError(f"{method!r} is not a method of a generated API")
    return path
