"""A column's value as the message shows it: in the type of its field, text where that type has no better way."""

import base64
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeAlias

from google.protobuf.descriptor import FieldDescriptor

# protobuf has two classes of it, and its annotations name both in turn.
Field: TypeAlias = Any
_SIGNED = {FieldDescriptor.CPPTYPE_INT32, FieldDescriptor.CPPTYPE_INT64}
_INTEGERS = frozenset({FieldDescriptor.CPPTYPE_UINT32, FieldDescriptor.CPPTYPE_UINT64} | _SIGNED)
_FLOATS = frozenset({FieldDescriptor.CPPTYPE_DOUBLE, FieldDescriptor.CPPTYPE_FLOAT})


def shown(field: Field, value: Any) -> Any:
    """What `field` is set to for a value that the driver gives: a number, text, a date, a time, bytes."""
    if field.type == FieldDescriptor.TYPE_BYTES:
        return value if isinstance(value, bytes) else as_text(value).encode()
    if field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        return as_text(value)
    if field.cpp_type in _INTEGERS:
        return int.from_bytes(value, "big") if isinstance(value, bytes) else round(value)  # BIT comes as bytes
    if field.cpp_type in _FLOATS:
        return float(value)
    return any(value) if isinstance(value, bytes) else bool(value)


def as_text(value: Any) -> str:
    """Dates and times as RFC 3339 writes them, durations as [-]H:MM:SS, decimals with all their digits, bytes as UTF-8
    or else in base64.
    """
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return _duration(value)
    if isinstance(value, Decimal):
        return format(value, "f")
    return _decoded(value) if isinstance(value, bytes) else str(value)


def _duration(value: timedelta) -> str:
    minutes, seconds = divmod(abs(value), timedelta(minutes=1))
    whole = seconds // timedelta(seconds=1)
    fraction = f".{seconds.microseconds:06}" if seconds.microseconds else ""
    sign = "-" if value < timedelta(0) else ""
    return f"{sign}{minutes // 60:02}:{minutes % 60:02}:{whole:02}{fraction}"


def _decoded(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return base64.b64encode(value).decode()
