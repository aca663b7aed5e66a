"""Lists: paging, sorting and column filters, all checked against the fields of the resource before SQL is built."""

import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from eshop_protos.types import types_pb2
from protoc_gen_fastapi.runtime import InvalidArgument

MAX_LIMIT = 1000
MAX_IN_VALUES = 1000
MAX_CONDITIONS = 100
MAX_SORTS = 20
Compare = Callable[[Any, Any], Any]

_COMPARE: dict[str, Compare] = {
    "": operator.eq,
    "eq": operator.eq,
    "=": operator.eq,
    "neq": operator.ne,
    "!=": operator.ne,
    "gt": operator.gt,
    ">": operator.gt,
    "gte": operator.ge,
    ">=": operator.ge,
    "lt": operator.lt,
    "<": operator.lt,
    "lte": operator.le,
    "<=": operator.le,
}
_AND = frozenset({"", "and", "&", "&&"})
_OR = frozenset({"or", "|", "||"})
# Python's int() takes more: "1_000", digits of other scripts, and texts so long that converting them takes a while.
_WHOLE_NUMBER = re.compile(r"\s*([+-]?[0-9]{1,20})\s*", re.ASCII)
_SIGNED, _UNSIGNED = -(2**63), 2**64


class Window(NamedTuple):
    """The part of a list that is asked for."""

    offset: int
    limit: int


class Listing:
    """Builds the statements of one resource's list. `columns` maps every name a client may use to its column; `fold`
    makes of a text what stands in a column that is named there. Texts are compared as their column's collation says.
    """

    def __init__(
        self,
        table: sa.Table,
        columns: Mapping[str, sa.Column[Any]],
        visible: sa.ColumnElement[bool],
        fold: Mapping[str, Callable[[str], str]] | None = None,
    ) -> None:
        self._fold = fold or {}
        self._table = table
        self._columns = columns
        self._visible = visible

    def statements(self, params: types_pb2.Params) -> tuple[sa.Select[Any], sa.Select[Any]]:
        """Returns (rows of the page, total). Raises InvalidArgument naming what is wrong."""
        offset, limit = window(params)
        where = sa.and_(self._visible, self._condition(params.columns))
        rows = sa.select(self._table).where(where).order_by(*self._order(params.sort)).limit(limit).offset(offset)
        if params.before:
            rows = rows.where(self._before(params))
        return rows, sa.select(sa.func.count()).select_from(self._table).where(where)

    def _before(self, params: types_pb2.Params) -> sa.ColumnElement[bool]:
        """Rows behind the cursor. Rows that are added meanwhile are newer, so no page repeats or misses a row."""
        if params.sort.strip() not in ("", "-id"):
            raise InvalidArgument("params.before", "is a cursor in the order of ids, newest first; leave sort out")
        return self._table.c.id < params.before

    def _order(self, sort: str) -> list[sa.UnaryExpression[Any]]:
        """The columns to sort by. The id comes last: rows that are equal otherwise keep their places between pages."""
        parts = [part.strip() for part in sort.split(",")] if sort.strip() else ["-id"]
        if len(parts) > MAX_SORTS:
            raise InvalidArgument("params.sort", f"at most {MAX_SORTS} columns")
        if not {"id", "-id"} & set(parts):
            parts.append("-id" if parts[-1].startswith("-") else "id")
        return [self._order_by(part) for part in parts]

    def _order_by(self, part: str) -> sa.UnaryExpression[Any]:
        column = self._column("params.sort", part.removeprefix("-").strip())
        return column.desc() if part.startswith("-") else column.asc()

    def _column(self, field: str, name: str) -> sa.Column[Any]:
        try:
            return self._columns[name]
        except KeyError:
            known = ", ".join(sorted(self._columns))
            raise InvalidArgument(field, f"{name[:64]!r} is not a column; known: {known}") from None

    def _condition(self, columns: Sequence[types_pb2.Column]) -> sa.ColumnElement[bool]:
        """Joins the conditions as SQL would: "and" binds closer than "or"."""
        if len(columns) > MAX_CONDITIONS:
            raise InvalidArgument("params.columns", f"at most {MAX_CONDITIONS} conditions")
        groups: list[list[sa.ColumnElement[bool]]] = [[]]
        for index, column in enumerate(columns):
            field = f"params.columns[{index}]"
            groups[-1].append(self._compare(field, column))
            if _is_or(field, column.logic) and index < len(columns) - 1:
                groups.append([])
        return sa.or_(*(sa.and_(sa.true(), *group) for group in groups))

    def _compare(self, field: str, column: types_pb2.Column) -> sa.ColumnElement[bool]:
        target = self._column(f"{field}.name", column.name)
        exp = column.exp.strip().lower()
        asked = self._fold.get(target.name, str)(column.value)
        if exp == "like":
            # A cast would give the text the collation of the connection.
            text = target if isinstance(target.type, sa.String) else sa.cast(target, sa.String)
            return text.contains(asked, autoescape=True)
        if exp == "in":
            values = asked.split(",")
            if len(values) > MAX_IN_VALUES:
                raise InvalidArgument(f"{field}.value", f"at most {MAX_IN_VALUES} values")
            return target.in_([_convert(f"{field}.value", target, v.strip()) for v in values])
        if exp not in _COMPARE:
            raise InvalidArgument(f"{field}.exp", f"{column.exp[:16]!r} is not a comparison")
        return _COMPARE[exp](target, _convert(f"{field}.value", target, asked))


def window(params: types_pb2.Params) -> Window:
    """What page and limit ask for. Raises InvalidArgument naming what is wrong."""
    if params.page < 0:
        raise InvalidArgument("params.page", "must be 0 or more")
    if params.limit <= 0:
        raise InvalidArgument("params.limit", "must be greater than 0")
    limit = min(params.limit, MAX_LIMIT)
    return Window(params.page * limit, limit)


def by_id(params: types_pb2.Params) -> str | None:
    """Whether all rows are asked for, in the order of their ids: "id" or "-id", newest first."""
    sort = params.sort.strip() or "-id"
    if params.before and sort != "-id":
        return None
    return sort if sort in ("id", "-id") and not params.columns else None


def _is_or(field: str, logic: str) -> bool:
    logic = logic.strip().lower()
    if logic not in _AND | _OR:
        raise InvalidArgument(f"{field}.logic", f"{logic[:16]!r} is not one of and, or, &, &&, |, ||")
    return logic in _OR


def _convert(field: str, column: sa.Column[Any], value: str) -> int | float | str | datetime:
    if isinstance(column.type, sa.Integer):
        return _whole_number(field, value)
    if isinstance(column.type, sa.Float):
        return _number(field, value)
    if isinstance(column.type, sa.DateTime):
        return _time(field, value)
    return value


def _whole_number(field: str, value: str) -> int:
    match = _WHOLE_NUMBER.fullmatch(value)
    if match is None or not _SIGNED <= (number := int(match[1])) < _UNSIGNED:
        raise InvalidArgument(field, f"{value[:32]!r} is not a whole number of at most 64 bits")
    return number


def _number(field: str, value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise InvalidArgument(field, f"{value[:32]!r} is not a number")
    return number


def _time(field: str, value: str) -> datetime:
    """UTC without a zone, as the columns hold it; a value without a zone is taken as UTC."""
    try:
        moment = datetime.fromisoformat(value.strip())
        return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
    except (ValueError, OverflowError):
        raise InvalidArgument(field, f"{value[:40]!r} is not a time (RFC 3339)") from None
