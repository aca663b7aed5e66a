"""The CRUD that six services share: one table, one message, soft delete, only sent fields written.

Each method is given a transaction and never commits.
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date, datetime, time
from functools import partial
from typing import Any, Generic, TypeVar, cast

import sqlalchemy as sa
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from eshop_chassis.crud.filters import Listing, by_id, window
from eshop_chassis.crud.pages import Pages
from eshop_chassis.crud.values import Field, shown
from eshop_chassis.mysql import row_counts
from eshop_chassis.mysql.database import Database, fetch
from eshop_chassis.mysql.errors import ILL_FITTING, error_number, is_duplicate, text_of
from eshop_protos.types import types_pb2
from protoc_gen_fastapi.runtime import AlreadyExists, InvalidArgument, NotFound

M = TypeVar("M", bound=Message)
_TYPES: Mapping[int, type[sa.types.TypeEngine[Any]]] = {
    FieldDescriptor.TYPE_STRING: sa.String,
    FieldDescriptor.TYPE_DOUBLE: sa.Double,
    FieldDescriptor.TYPE_FLOAT: sa.Double,
    FieldDescriptor.TYPE_BYTES: sa.LargeBinary,
}
_TIMES = frozenset({"created_at", "updated_at", "deleted_at"})


class CrudStore(Generic[M]):
    """Reads and writes the rows of `table`, one `message` each. `hidden` names columns that no call returns or filters
    by. `folded` names columns that are compared by another, and what makes the other's value of a text: a list filters
    and sorts by that. A row is shown until `deleted_at` is set; an index of that column serves lists.
    """

    def __init__(
        self,
        table: sa.Table,
        message: type[M],
        noun: str,
        *,
        hidden: frozenset[str] = frozenset(),
        folded: Mapping[str, tuple[str, Callable[[str], str]]] | None = None,
    ) -> None:
        self.table = table
        self._message = message
        self._noun = noun
        self.visible = table.c.deleted_at.is_(None)
        names = {field.name: column_name(field.name) for field in message.DESCRIPTOR.fields}
        self._field_of = {column: field for field, column in names.items()}
        self._fields = [(f, names[f.name]) for f in message.DESCRIPTOR.fields if names[f.name] not in hidden]
        self._names = [field.name for field, _ in self._fields]
        compared = {column: other for column, (other, _) in (folded or {}).items()}
        fold = dict((folded or {}).values())
        self._listing = Listing(table, _by_client_name(table, self._fields, compared), self.visible, fold)
        self._pages = Pages(table.name, [_as_text(column) for _, column in self._fields])

    async def create(self, tx: AsyncConnection, values: Mapping[str, Any]) -> int:
        """Inserts a row and returns its id. Raises AlreadyExists where a unique column is taken, and InvalidArgument
        naming a field whose value does not fit.
        """
        statement = sa.insert(self.table).values(created_at=sa.func.now(), updated_at=sa.func.now(), **values)
        result = await self._write(tx, statement)
        row_counts.note_shown(tx, self.table.name, 1)
        return int(cast("tuple[int]", result.inserted_primary_key)[0])

    async def get(self, tx: AsyncConnection, row_id: int, *, lock: bool = False) -> sa.Row[Any]:
        """Returns the row. Raises NotFound."""
        statement = sa.select(self.table).where(self.table.c.id == row_id, self.visible)
        found = (await tx.execute(statement.with_for_update() if lock else statement)).one_or_none()
        if found is None:
            raise NotFound(f"{self._noun} {row_id} does not exist")
        return found

    async def update(self, tx: AsyncConnection, row_id: int, values: Mapping[str, Any]) -> None:
        """Writes `values` into the row. Raises NotFound, and the same as `create`."""
        await self.get(tx, row_id, lock=True)
        if not values:
            return
        statement = sa.update(self.table).where(self.table.c.id == row_id)
        await self._write(tx, statement.values(updated_at=sa.func.now(), **values))

    async def delete(self, tx: AsyncConnection, row_id: int) -> None:
        """Marks the row as deleted. Raises NotFound."""
        await self.get(tx, row_id, lock=True)
        await tx.execute(sa.update(self.table).where(self.table.c.id == row_id).values(deleted_at=sa.func.now()))
        row_counts.note_moved(tx, self.table.name, -1)

    async def list(self, db: Database, params: types_pb2.Params) -> tuple[int, Sequence[M]]:
        """Returns (total, rows of the page). Raises InvalidArgument naming the parameter that is wrong."""
        sort = by_id(params)
        if params.before and sort == "-id":
            total, found = await self._pages.before(db.read, params.before, *window(params))
            return total, [self._listed(row) for row in found]
        if sort is not None:
            total, found = await self._pages.page(
                db.read, *window(params), db.landmarks(self.table.name), descending=sort == "-id"
            )
            return total, [self._listed(row) for row in found]
        return await db.run_core(lambda tx: self._chosen(tx, params))

    async def _chosen(self, tx: AsyncConnection, params: types_pb2.Params) -> tuple[int, Sequence[M]]:
        """A page of some rows, or of all in another order than that of their ids."""
        rows, count = self._listing.statements(params)
        page = (await tx.execute(rows)).all()
        total = (
            (await tx.execute(count)).scalar_one() if params.columns else await self._pages.total(partial(fetch, tx))
        )
        return int(total), [self.to_message(row) for row in page]

    def to_message(self, row: sa.Row[Any]) -> M:
        """The message that stands for a row."""
        values = by_name(row)
        return self._shown([_seconds(column, values[column]) for _, column in self._fields])

    def _listed(self, row: Sequence[Any]) -> M:
        """The message that stands for a row of a page."""
        try:
            return self._message(
                **{name: value for name, value in zip(self._names, row, strict=True) if value is not None}
            )
        except (TypeError, ValueError):  # a column has another type than its field, which few tables have
            return self._shown(row)

    def _shown(self, row: Sequence[Any]) -> M:
        values = {field.name: shown(field, v) for (field, _), v in zip(self._fields, row, strict=True) if v is not None}
        return self._message(**values)

    async def _write(self, tx: AsyncConnection, statement: sa.Insert | sa.Update) -> sa.CursorResult[Any]:
        try:
            return await tx.execute(statement)
        except DBAPIError as error:
            refusal = self._refusal(error)
            if refusal is None:
                raise
            raise refusal from error

    def _refusal(self, error: DBAPIError) -> AlreadyExists | InvalidArgument | None:
        """What a caller can be told about a write that MySQL refused, in the names that callers use."""
        text = text_of(error)
        if is_duplicate(error):
            key = re.search(r"for key '(?:\w+\.)?(\w+)'$", text)
            return AlreadyExists(f"a {self._noun} with this {self._client_name(key, 'key')} exists already")
        problem = ILL_FITTING.get(error_number(error) or 0)
        if problem is None:
            return None
        column = re.search(r"column '?(?:`?\w+`?\.)*`?(\w+)`?'? at row", text)
        return InvalidArgument(self._client_name(column, "a value"), problem)

    def _client_name(self, found: re.Match[str] | None, otherwise: str) -> str:
        return self._field_of.get(found[1], found[1]) if found else otherwise


def sent_fields(request: Message, *, but: frozenset[str] = frozenset({"id"})) -> dict[str, Any]:
    """The fields that a client sent, by column name; those named in `but` are left out."""
    return {
        column_name(f.name): getattr(request, f.name)
        for f in request.DESCRIPTOR.fields
        if f.name not in but and _was_sent(request, f)
    }


def changed_fields(row: sa.Row[Any], values: Mapping[str, Any]) -> set[str]:
    """The names of `values` that differ from what the row has."""
    present = by_name(row)
    return {name for name, value in values.items() if value != present[name]}


def client_names(message: type[Message], columns: Collection[str]) -> str:
    """The names that clients know these columns by, for an error text."""
    return ", ".join(f.name for f in message.DESCRIPTOR.fields if column_name(f.name) in columns)


def by_name(row: sa.Row[Any]) -> Mapping[str, Any]:
    """A row's values by column name."""
    return cast("Mapping[str, Any]", row._mapping)  # pyright: ignore[reportPrivateUsage] - SQLAlchemy's documented name


def _was_sent(request: Message, field: Field) -> bool:
    return request.HasField(field.name) if field.has_presence else True


def column_name(field: str) -> str:
    """The SQL name of a proto field: productID -> product_id, createdAt -> created_at."""
    return re.sub(r"(?<=[a-z0-9])(ID|[A-Z])", lambda m: "_" + m[1].lower(), field)


def table_of(name: str, message: type[Message], *columns: sa.Column[Any]) -> sa.Table:
    """The table of a message: a column per field, `deleted_at`, and `columns` that the message doesn't show."""
    fields = [sa.Column(column_name(f.name), _type(f), primary_key=f.name == "id") for f in message.DESCRIPTOR.fields]
    return sa.Table(name, sa.MetaData(), *fields, sa.Column("deleted_at", sa.DateTime), *columns)


def _type(field: Field) -> sa.types.TypeEngine[Any]:
    if column_name(field.name) in _TIMES:
        return sa.DateTime()
    return _TYPES.get(field.type, sa.BigInteger)()


def _by_client_name(
    table: sa.Table, fields: Sequence[tuple[Field, str]], compared: Mapping[str, str]
) -> dict[str, sa.Column[Any]]:
    return {name: table.c[compared.get(column, column)] for field, column in fields for name in (field.name, column)}


def _as_text(column: str) -> str:
    """The column as a page shows it: MySQL writes a time faster than Python does."""
    return f"DATE_FORMAT(t.`{column}`, '%%Y-%%m-%%dT%%TZ')" if column in _TIMES else f"t.`{column}`"


def _seconds(column: str, value: Any) -> Any:
    """The times of a row are shown without fractions, as pages show them."""
    if column in _TIMES and isinstance(value, date):
        return datetime.combine(value, value.time().replace(microsecond=0) if isinstance(value, datetime) else time())
    return value
