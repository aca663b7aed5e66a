"""64-bit integers as text in replies, for callers whose numbers are exact up to 2**53 only, as JavaScript's are.

Replies have numbers unless the caller asks: `Accept: application/json;int64=string`. Then every field of a 64-bit type
is text, however small its value is, as in protobuf's own JSON. Requests take both at any time.
"""

from collections.abc import Mapping
from typing import Any, Final

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

ACCEPT_TEXT: Final = "application/json;int64=string"
_WIDE: Final = frozenset(
    (
        FieldDescriptor.TYPE_INT64,
        FieldDescriptor.TYPE_UINT64,
        FieldDescriptor.TYPE_SINT64,
        FieldDescriptor.TYPE_FIXED64,
        FieldDescriptor.TYPE_SFIXED64,
    )
)


def asks_for_text(metadata: Mapping[str, str]) -> bool:
    """Whether the caller wants text."""
    accept = metadata.get("accept")
    return accept is not None and "int64=string" in accept


def with_text(data: dict[str, Any], kind: type[Message]) -> dict[str, Any]:
    """An encoded message of this kind with its 64-bit integers as text."""
    return _message(data, kind.DESCRIPTOR)


def _message(data: dict[str, Any], descriptor: Any) -> dict[str, Any]:
    return {name: _as_text(value, descriptor.fields_by_name[name]) for name, value in data.items()}


def _as_text(value: Any, field: Any) -> Any:
    if value is None:
        return None
    inner = field.message_type
    if inner is not None and inner.GetOptions().map_entry:
        return {key: _as_text(item, inner.fields_by_name["value"]) for key, item in value.items()}
    if inner is not None and inner.file.package == "google.protobuf" and not isinstance(value, list):
        return value  # in a form of its own, which has such numbers as text already
    if isinstance(value, list):
        return [_as_text(item, field) for item in value]  # pyright: ignore[reportUnknownVariableType]
    if field.message_type is not None:
        return _message(value, field.message_type)
    return str(value) if field.type in _WIDE else value
