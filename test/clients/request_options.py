"""The fields of a request message as options of a command, and back.

A message inside the request is spread out into its own fields; a list of messages is one option that takes JSON.
"""

import json
import re
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import click
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from pydantic import BaseModel
from pydantic.fields import FieldInfo

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
    return [_option(field) for field, _ in _flat(message, ())]


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


def _option(field: FieldDescriptor) -> click.Option:
    info = _documented(field) or FieldInfo(default=None)
    names = [f"--{_variable(field).replace('_', '-')}", _variable(field)]
    if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        return click.Option(names, is_flag=True, default=None, help=info.description)
    return click.Option(
        names, type=_type(field), required=info.is_required(), metavar=_metavar(field), help=_help(field, info)
    )


def _type(field: FieldDescriptor) -> click.ParamType[Any]:
    if field.is_repeated:
        return JsonList()
    return click.INT if field.cpp_type in _INTEGERS else click.STRING


def _metavar(field: FieldDescriptor) -> str:
    if field.is_repeated:
        return "JSON"
    return "INTEGER" if field.cpp_type in _INTEGERS else "TEXT"


def _help(field: FieldDescriptor, info: FieldInfo) -> str:
    if field.message_type is None:
        return info.description or ""
    example = {inner.name: _example(inner) for inner in field.message_type.fields}
    return f"{info.description or ''} For example: {json.dumps([example])}".strip()


def _example(field: FieldDescriptor) -> Any:
    info = _documented(field)
    return info.examples[0] if info and info.examples else field.default_value


def _documented(field: FieldDescriptor) -> FieldInfo | None:
    """What the proto says about a field; the generated model of its message knows. None for messages of gRPC alone."""
    message = field.containing_type
    assert message is not None
    module = import_module(message.file.name.removesuffix(".proto").replace("/", ".") + "_api")
    model: type[BaseModel] | None = getattr(module, message.name, None)
    return model.model_fields[field.name] if model else None


def _variable(field: FieldDescriptor) -> str:
    """productID -> product_id."""
    return re.sub(r"(?<=[a-z0-9])(ID|[A-Z])", lambda m: "_" + m[1], field.name).lower()
