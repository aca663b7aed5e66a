"""The list rpc of a service: identical calls that arrive together share one query."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Generic, TypeVar

from google.protobuf.message import Message

from eshop_chassis.calls.shared_reads import SharedReads
from eshop_chassis.mysql.database import Database
from eshop_protos.types import types_pb2

R = TypeVar("R", bound=Message)
Find = Callable[[Database, types_pb2.Params], Awaitable[tuple[int, Sequence[Any]]]]
"""Finds (total, rows of the page)."""


class SharedLists(Generic[R]):
    """The lists of one table. `reply` has the fields `total` and one for the rows; callers share it."""

    def __init__(self, name: str, db: Database, reply: type[R]) -> None:
        self._db = db
        self._reply = reply
        [self._rows] = [field.name for field in reply.DESCRIPTOR.fields if field.name != "total"]
        self._shared = SharedReads[R](name)

    async def __call__(self, find: Find, params: types_pb2.Params) -> R:
        """Returns the answer of what `find` finds. Raises InvalidArgument naming the parameter that is wrong."""
        return await self._shared(params.SerializeToString(deterministic=True), lambda: self._read(find, params))

    async def _read(self, find: Find, params: types_pb2.Params) -> R:
        total, rows = await find(self._db, params)
        return self._reply(**{"total": total, self._rows: rows})
