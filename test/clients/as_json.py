"""Messages as JSON, the way the HTTP side writes them.

Field names as written in the proto, 64-bit integers as numbers, zero values and empty lists written, unset messages
null.
"""

from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message


def as_json(message: Message) -> dict[str, Any]:
    """The message as an object of JSON values. An optional field that is not set is left out."""
    descriptor: Any = message.DESCRIPTOR
    return {field.name: _value(message, field) for field in descriptor.fields if _is_written(message, field)}


def _is_written(message: Message, field: FieldDescriptor) -> bool:
    optional = field.has_presence and field.message_type is None
    return not optional or message.HasField(field.name)


def _value(message: Message, field: FieldDescriptor) -> Any:
    value = getattr(message, field.name)
    if field.is_repeated:
        return [as_json(item) if field.message_type else item for item in value]
    if field.message_type is None:
        return value
    return as_json(value) if message.HasField(field.name) else None
