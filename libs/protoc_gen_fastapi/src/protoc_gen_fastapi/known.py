"""The messages of google.protobuf that JSON writes in a form of their own."""

from collections.abc import Mapping
from typing import Any, Final

_WRAPPED: Final = ("Double", "Float", "Int64", "UInt64", "Int32", "UInt32", "Bool", "String", "Bytes")
WRAPPERS: Final = frozenset(f"google.protobuf.{name}Value" for name in _WRAPPED)
"""Each holds one value, and is written as that value."""

FORMS: Final[Mapping[str, str]] = {
    "google.protobuf.Timestamp": "must be a time, as 2026-01-31T12:00:00Z",
    "google.protobuf.Duration": "must be a duration in seconds, as 1.5s",
    "google.protobuf.FieldMask": "must be names of fields, with commas between them",
    "google.protobuf.Struct": "must be an object",
    "google.protobuf.ListValue": "must be a list",
    "google.protobuf.Any": 'must be an object whose "@type" names a known message',
    "google.protobuf.Value": "must be a JSON value",
}
"""The others, with what is said of a value that is none of theirs."""

KNOWN: Final = WRAPPERS | FORMS.keys()
TEXTS: Final = WRAPPERS | {f"google.protobuf.{name}" for name in ("Timestamp", "Duration", "FieldMask")}
"""Those that a path or a query can hold."""


def nanos(moment: Any) -> int:
    """A Duration or Timestamp in nanoseconds."""
    return moment.seconds * 1_000_000_000 + moment.nanos
