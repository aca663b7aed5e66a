"""Sound requests of every rpc, and for each field the values that must be refused.

Both are derived from the types and field rules in the descriptors.
"""

from collections.abc import Iterator
from typing import Any

import fresh
from buf.validate import validate_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor

_RANGES = {
    FieldDescriptor.TYPE_INT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.TYPE_INT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.TYPE_UINT32: (0, 2**32 - 1),
    FieldDescriptor.TYPE_UINT64: (0, 2**64 - 1),
}
_FRESH = {
    "userID": fresh.user_id,
    "productID": fresh.product_id,
    "orderID": fresh.order_id,
    "couponID": lambda: 0,
    "email": fresh.email,
    "gid": fresh.gid,
    "id": lambda: 2**60,
}
_WRONG_FOR_NUMBERS: list[Any] = [
    "abc",
    "",
    "1.5",
    1.5,
    True,
    [1],
    {"a": 1},
    "1e3",
    "0x1",
    " 1",
    "\uff19",
    -(10**30),
    10**30,
]
_WRONG_FOR_TEXTS: list[Any] = [5, 1.5, True, ["a"], {"a": 1}]
_WRONG_FOR_TRUTHS: list[Any] = ["yes", 2, [True], {"a": True}]
_WRONG_FOR_LISTS: list[Any] = ["abc", 5, True, {"a": 1}]
_WRONG_FOR_OBJECTS: list[Any] = ["abc", 5, True, [1]]

Bad = tuple[str, Any]
"""The name that the refusal must tell, and a whole request with one bad value in it."""


def sound_request(message: Descriptor) -> dict[str, Any]:
    """A request that keeps every rule and touches nothing that another test uses."""
    return {field.name: _sound(field) for field in message.fields}


def bad_requests(message: Descriptor, *, types: bool = True) -> Iterator[Bad]:
    """Every way to spoil one field of a sound request. Without `types` only rules are broken, as gRPC can carry it."""
    for field in message.fields:
        for name, value in _bad_values(field, types):
            yield name, {**sound_request(message), field.name: value}
        if not _may_be_absent(field):
            without = sound_request(message)
            del without[field.name]
            yield field.name, without


def _sound(field: FieldDescriptor) -> Any:
    if field.is_repeated:
        return [_sound_item(field)] if _rules(field).repeated.min_items else []
    return _sound_item(field)


def _sound_item(field: FieldDescriptor) -> Any:
    if field.message_type:
        return sound_request(field.message_type)
    rules = _rules_of_scalar(field)
    if field.type == FieldDescriptor.TYPE_BOOL:
        return False
    if field.name in _FRESH and not (field.name == "couponID" and _gt(rules) is not None):
        return _FRESH[field.name]()
    examples = list(getattr(rules, "example", ()))
    if examples:
        return examples[0]
    return "x" if field.is_repeated else field.default_value


def _bad_values(field: FieldDescriptor, types: bool) -> Iterator[Bad]:
    if field.is_repeated:
        yield from _bad_lists(field, types)
    elif field.message_type:
        yield from ((f"{field.name}.{name}", inner) for name, inner in bad_requests(field.message_type, types=types))
    else:
        broken = _bad_texts(field) if field.type == FieldDescriptor.TYPE_STRING else _bad_numbers(field)
        yield from ((field.name, value) for value in broken)
    if types:
        yield from ((field.name, value) for value in _wrong_types(field))


def _wrong_types(field: FieldDescriptor) -> list[Any]:
    if field.is_repeated:
        return _WRONG_FOR_LISTS
    if field.message_type:
        return _WRONG_FOR_OBJECTS
    if field.type == FieldDescriptor.TYPE_BOOL:
        return _WRONG_FOR_TRUTHS
    if field.type == FieldDescriptor.TYPE_STRING:
        return _WRONG_FOR_TEXTS
    low, high = _RANGES[field.type]
    return [*_WRONG_FOR_NUMBERS, low - 1, high + 1]


def _bad_lists(field: FieldDescriptor, types: bool) -> Iterator[Bad]:
    rules = _rules(field).repeated
    if rules.min_items:
        yield field.name, []
    if rules.max_items:
        yield field.name, [_sound_item(field)] * (rules.max_items + 1)
    if field.message_type:
        wrong = _WRONG_FOR_OBJECTS if types else []
        yield from ((f"{field.name}[0]", [value]) for value in wrong)
        for name, inner in bad_requests(field.message_type, types=types):
            yield f"{field.name}[1].{name}", [_sound_item(field), inner]


def _bad_texts(field: FieldDescriptor) -> Iterator[str]:
    rules = _rules(field).string
    if rules.max_len:
        yield "x" * (rules.max_len + 1)
        yield "☕" * (rules.max_len + 1)
    if rules.min_len > 1:
        yield "x" * (rules.min_len - 1)
    if rules.min_len:
        yield ""
    if rules.pattern:
        yield "it does not match"


def _bad_numbers(field: FieldDescriptor) -> Iterator[int]:
    if field.type == FieldDescriptor.TYPE_BOOL:
        return
    low, high = _RANGES[field.type]
    rules = _rules_of_scalar(field)
    if (bound := _gt(rules)) is not None:
        yield bound
    if _has(rules, "gte") and rules.gte > low:
        yield rules.gte - 1
    if _has(rules, "lte") and rules.lte < high:
        yield rules.lte + 1


def _may_be_absent(field: FieldDescriptor) -> bool:
    """True where leaving the field out keeps its rules: an optional field, or one whose zero value is sound."""
    if field.is_repeated:
        return not _rules(field).repeated.min_items
    if field.has_presence:
        return True
    bad = _bad_texts(field) if field.type == FieldDescriptor.TYPE_STRING else _bad_numbers(field)
    return field.default_value not in list(bad)


def _rules(field: FieldDescriptor) -> validate_pb2.FieldRules:
    extension: Any = validate_pb2.field
    return field.GetOptions().Extensions[extension]


def _rules_of_scalar(field: FieldDescriptor) -> Any:
    rules = _rules(field)
    kind = rules.WhichOneof("type")
    return getattr(rules, kind) if kind else None


def _gt(rules: Any) -> int | None:
    return rules.gt if _has(rules, "gt") else None


def _has(rules: Any, name: str) -> bool:
    return rules is not None and hasattr(rules, name) and rules.HasField(name)
