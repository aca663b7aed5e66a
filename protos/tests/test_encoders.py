"""Emitted encoders against protobuf's own JSON, up to the differences that the HTTP interface documents."""

import importlib
from typing import Any

import orjson
import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.descriptor_pool import Default
from google.protobuf.json_format import MessageToDict
from hypothesis import given, settings
from hypothesis import strategies as st

from .rule_samples import message_of, values
from .test_interfaces import APIS, MODULES

WIDE = {FieldDescriptor.TYPE_INT64, FieldDescriptor.TYPE_UINT64}
REPLIES = [
    (package, name)
    for package, api in APIS.items()
    for name in importlib.import_module(f"eshop_protos.{MODULES[package]}_pb2").DESCRIPTOR.message_types_by_name
    if hasattr(api, f"encode_{name}")
]


def as_documented(descriptor: Descriptor, given: dict[str, Any]) -> dict[str, Any]:
    """64-bit integers are numbers and not strings; what is unset is null and not absent."""
    return {field.name: field_as_documented(field, given.get(field.name)) for field in descriptor.fields}


def field_as_documented(field: FieldDescriptor, value: Any) -> Any:
    if isinstance(value, list):
        return [field_as_documented(field, item) for item in value]
    if value is None:
        return None
    if field.message_type is not None:
        return as_documented(field.message_type, value)
    return int(value) if field.type in WIDE else value


@pytest.mark.parametrize(("package", "name"), REPLIES)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_encoders_write_what_protobuf_would(package: str, name: str, data: st.DataObject) -> None:
    descriptor = Default().FindMessageTypeByName(f"{package}.{name}")
    message = message_of(descriptor, data.draw(values(descriptor)))
    plain = MessageToDict(message, always_print_fields_with_no_presence=True, preserving_proto_field_name=True)
    encoded = getattr(APIS[package], f"encode_{name}")(message)
    assert orjson.loads(orjson.dumps(encoded)) == as_documented(descriptor, plain)


def test_every_reply_is_here() -> None:
    assert len(REPLIES) >= 50
