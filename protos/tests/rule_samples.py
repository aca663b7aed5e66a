"""Values for request messages, chosen near the bounds of their rules; used as (protobuf message, JSON object)."""

import importlib
from typing import Any

from buf.validate import validate_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from hypothesis import strategies as st

from protoc_gen_fastapi.runtime.documenting import Schemas

F = FieldDescriptor
RANGES = {
    F.TYPE_INT32: (-(2**31), 2**31 - 1),
    F.TYPE_INT64: (-(2**63), 2**63 - 1),
    F.TYPE_UINT32: (0, 2**32 - 1),
    F.TYPE_UINT64: (0, 2**64 - 1),
}
TYPED = {F.TYPE_INT32: "int32", F.TYPE_INT64: "int64", F.TYPE_UINT32: "uint32", F.TYPE_UINT64: "uint64"}
ODD_STRINGS = [
    "",
    " ",
    "a@b",
    "a@b\n",
    "\na@b",
    "a b@c",
    "a@b@c",
    "a\u00a0@b",
    "a\x0b@b",
    "@",
    "销售完毕@店",
    "\U0001f600" * 9,
]


def values(descriptor: Descriptor) -> st.SearchStrategy[dict[str, Any]]:
    """JSON objects for a message; every field may be absent."""
    fields = {field.name: field_values(field) for field in descriptor.fields}
    return st.fixed_dictionaries({}, optional=fields)


def field_values(field: FieldDescriptor) -> st.SearchStrategy[Any]:
    if field.message_type is not None:
        one: st.SearchStrategy[Any] = values(field.message_type)
    elif field.type == F.TYPE_STRING:
        one = strings(field)
    elif field.type == F.TYPE_BOOL:
        one = st.booleans()
    else:
        one = integers(field)
    return st.lists(one, max_size=3) if field.is_repeated else one


def rules(field: FieldDescriptor) -> Any:
    extension: Any = validate_pb2.field
    return field.GetOptions().Extensions[extension]


def integers(field: FieldDescriptor) -> st.SearchStrategy[int]:
    low, high = RANGES[field.type]
    typed = getattr(rules(field), TYPED[field.type])
    bounds = [value for rule, value in typed.ListFields() if rule.name in ("gt", "gte", "lt", "lte")]
    near = {b + d for b in [*bounds, 0, low, high] for d in (-1, 0, 1)}
    return st.sampled_from(sorted(n for n in near if low <= n <= high)) | st.integers(low, high)


def strings(field: FieldDescriptor) -> st.SearchStrategy[str]:
    typed = rules(field).string
    lengths = {b + d for b in (typed.min_len, typed.max_len) if b for d in (-1, 0, 1)}
    near = [filling * length for length in sorted(lengths) for filling in ("x", "é", "\U0001f600")]
    mails = [f"{'x' * (length - 2)}@b" for length in sorted(lengths) if length > 2]
    return st.sampled_from([*ODD_STRINGS, *near, *mails]) | st.text(max_size=20)


def message_of(descriptor: Descriptor, value: dict[str, Any]) -> Message:
    """The protobuf message that a JSON object stands for, built without the generated code."""
    fields = {}
    for name, given in value.items():
        inner = descriptor.fields_by_name[name].message_type
        if inner is None:
            fields[name] = given
        else:
            fields[name] = (
                [message_of(inner, v) for v in given] if isinstance(given, list) else message_of(inner, given)
            )
    return GetMessageClass(descriptor)(**fields)


def example_of(descriptor: Descriptor) -> dict[str, Any]:
    """The request that the documentation shows."""
    module = importlib.import_module(descriptor.file.name.removesuffix(".proto").replace("/", ".") + "_api")
    return Schemas(vars(module)["_SHOWN"], (), {}, {}, lab=True).example(descriptor)
