"""The fields of a request message as options of a command, and back.

A message inside the request is spread out into its own fields; a list of messages is one option that takes JSON.
"""

import json
import pkgutil
import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from typing import Any

import click
from google.protobuf.descriptor import Descriptor, FieldDescriptor

import eshop_protos
from protoc_gen_fastapi.runtime.emitted import Shown

_INTEGERS = {
    FieldDescriptor.CPPTYPE_INT32,
    FieldDescriptor.CPPTYPE_INT64,
    FieldDescriptor.CPPTYPE_UINT32,
    FieldDescriptor.CPPTYPE_UINT64,
}


class JsonList(click.ParamType[list[Any]]):
    """A JSON list."""

    name = "json"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> list[Any]:
        try:
            items = json.loads(value)
        except json.JSONDecodeError as error:
            self.fail(f"is not JSON: {error}", param, ctx)
        if not isinstance(items, list):
            self.fail("must be a JSON list", param, ctx)
        return items


def request_options(message: Descriptor) -> list[click.Parameter]:
    """One option for each field."""
    shown = _shown()
    return [_option(field, shown) for field, _ in _flat(message, ())]


def request_fields(message: Descriptor, options: dict[str, Any]) -> dict[str, Any]:
    """What was given, as the fields of the request; what was not given is left out."""
    values: dict[str, Any] = {}
    for field, path in _flat(message, ()):
        given = options.get(_variable(field))
        if given is not None:
            place = values
            for outer in path:
                place = place.setdefault(outer, {})
            place[field.name] = given
    return values


def _flat(message: Descriptor, path: tuple[str, ...]) -> Iterator[tuple[FieldDescriptor, tuple[str, ...]]]:
    for field in message.fields:
        if field.message_type is not None and not field.is_repeated:
            yield from _flat(field.message_type, (*path, field.name))
        else:
            yield field, path


def _option(field: FieldDescriptor, shown: Shown) -> click.Option:
    hint = _hint(field, shown)
    names = [f"--{_variable(field).replace('_', '-')}", _variable(field)]
    if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        return click.Option(names, is_flag=True, default=None, help=hint.get("description"))
    required = bool(hint.get("required"))
    return click.Option(names, type=_type(field), required=required, metavar=_metavar(field), help=_help(field, shown))


def _type(field: FieldDescriptor) -> click.ParamType[Any]:
    if field.is_repeated:
        return JsonList()
    return click.INT if field.cpp_type in _INTEGERS else click.STRING


def _metavar(field: FieldDescriptor) -> str:
    if field.is_repeated:
        return "JSON"
    return "INTEGER" if field.cpp_type in _INTEGERS else "TEXT"


def _help(field: FieldDescriptor, shown: Shown) -> str:
    text = _hint(field, shown).get("description", "")
    if field.message_type is None:
        return text
    example = {inner.name: _example(inner, shown) for inner in field.message_type.fields}
    return f"{text} For example: {json.dumps([example])}".strip()


def _example(field: FieldDescriptor, shown: Shown) -> Any:
    examples = _hint(field, shown).get("examples")
    return examples[0] if examples else field.default_value


@cache
def _shown() -> Shown:
    """What the protos say about the fields of requests and replies; the generated modules know."""
    found: dict[str, Any] = {}
    for module in pkgutil.walk_packages(eshop_protos.__path__, "eshop_protos."):
        if module.name.endswith("_api"):
            found |= vars(import_module(module.name)).get("_SHOWN", {})
    return found


def _hint(field: FieldDescriptor, shown: Shown) -> Mapping[str, Any]:
    assert field.containing_type is not None
    return shown.get(field.containing_type.full_name, {}).get(field.name, {})


def _variable(field: FieldDescriptor) -> str:
    """productID -> product_id."""
    return re.sub(r"(?<=[a-z0-9])(ID|[A-Z])", lambda m: "_" + m[1], field.name).lower()
