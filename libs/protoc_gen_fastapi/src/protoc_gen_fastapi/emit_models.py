"""Emits the pydantic models: those of requests, which check them on HTTP, and those that describe replies."""

from typing import Any

from protoc_gen_fastapi.model import FORMATS, Field, Message
from protoc_gen_fastapi.scope import Scope
from protoc_gen_fastapi.writer import quoted

_TAKEN_AS = {"str": "_rt.TEXT", "bool": "_rt.TRUTH", "int": "_rt.WHOLE_NUMBER", "float": "_rt.NUMBER"}
_ZEROS = {"int": "0", "str": '""', "bool": "False", "float": "0.0"}


def emit_request_model(scope: Scope, message: Message) -> None:
    """Emits the model of a request. Where the path holds fields, a base class describes the body without them."""
    if not message.path_fields:
        _head(scope, message.name, "_rt.Body", message.comment)
        _fields(scope, message.fields)
    else:
        body = f"{message.name}Body"
        rest = [f for f in message.fields if f.name not in message.path_fields]
        _head(scope, body, "_rt.Body", message.comment)
        _fields(scope, rest)
        _head(scope, message.name, body, message.comment)
        _fields(scope, [f for f in message.fields if f.name in message.path_fields])
    _to_proto(scope, message)


def emit_reply_model(scope: Scope, message: Message) -> None:
    """Emits the model that describes a message in replies."""
    _head(scope, message.reply_model, "_rt.Reply", message.comment)
    for field in message.fields:
        described = f" = Field(description={quoted(field.comment)})" if field.comment else ""
        scope.out.line(f"    {field.name}: {_reply_type(scope, field)}{described}")


def _head(scope: Scope, name: str, base: str, comment: str) -> None:
    out = scope.out
    out.blank(2)
    out.line(f"class {scope.define(name)}({base}):")
    out.docstring(comment or name, indent=4)
    out.blank(1)


def _fields(scope: Scope, fields: list[Field]) -> None:
    example = _example(scope, fields)
    if example or not fields:
        scope.out.line(f'    model_config = ConfigDict(json_schema_extra={{"examples": [{example!r}]}})')
        scope.out.blank(1)
    for field in fields:
        scope.out.line(f"    {field.name}: {_request_type(scope, field)}{_field_call(field)}")


def _example(scope: Scope, fields: list[Field]) -> dict[str, Any]:
    """A request that works as it is; fields without an example of their own are left out."""
    found: dict[str, Any] = {}
    for field in fields:
        value = _example(scope, scope.inner(field).fields) if field.kind == "message" else field.rules.example
        if value not in (None, {}):
            found[field.name] = [value] if field.repeated else value
    return found


def _request_type(scope: Scope, field: Field) -> str:
    item = _item_type(scope, field)
    if field.repeated:
        bounds = ", ".join(f"{k}={v!r}" for k, v in field.rules.bounds().items())
        rules = f", Field({bounds})" if bounds else ""
        return f"Annotated[list[{item}], FailFast(){rules}, _rt.ITEMS]"
    return f"{item} | None" if field.has_presence and not field.rules.required else item


def _item_type(scope: Scope, field: Field) -> str:
    if field.kind == "message":
        inner = scope.inner(field)
        return scope.emitted(inner, inner.name)
    bounds = {} if field.repeated else field.rules.bounds()
    if field.range is not None:
        bounds |= {} if bounds.keys() & {"gt", "ge"} else {"ge": field.range[0]}
        bounds |= {} if bounds.keys() & {"lt", "le"} else {"le": field.range[1]}
    if field.kind == "float":
        bounds["allow_inf_nan"] = False
    arguments = "".join(f", {k}={v!r}" for k, v in bounds.items())
    shape = f", _rt.{FORMATS[field.range]}" if field.range is not None else ""
    return f"Annotated[{field.kind}, Field(strict=True{arguments}), {_TAKEN_AS[field.kind]}{shape}]"


def _field_call(field: Field) -> str:
    arguments = _default(field)
    if field.comment:
        arguments.append(f"description={quoted(field.comment)}")
    if field.rules.example is not None and not field.repeated:
        arguments.append(f"examples=[{field.rules.example!r}]")
    return f" = Field({', '.join(arguments)})" if arguments else ""


def _default(field: Field) -> list[str]:
    if field.zero_breaks:
        return []
    if field.repeated:
        return ["default_factory=list"]
    return ["default=None" if field.has_presence else f"default={_ZEROS[field.kind]}"]


def _to_proto(scope: Scope, message: Message) -> None:
    out, proto = scope.out, scope.proto(message)
    out.blank(1)
    out.line(f"    def to_proto(self) -> {proto}:")
    if not message.fields:
        out.line(f"        return {proto}()")
        return
    out.line(f"        return {proto}(")
    for field in message.fields:
        out.line(f"            {field.name}={_proto_value(field)},")
    out.line("        )")


def _proto_value(field: Field) -> str:
    value = f"self.{field.name}"
    if field.kind != "message":
        return value
    if field.repeated:
        return f"[item.to_proto() for item in {value}]"
    return f"{value}.to_proto()" if field.rules.required else f"None if {value} is None else {value}.to_proto()"


def _reply_type(scope: Scope, field: Field) -> str:
    kind = field.kind
    if kind == "message":
        inner = scope.inner(field)
        kind = scope.emitted(inner, inner.reply_model)
    elif field.range is not None:
        bounds = f"Field(ge={field.range[0]}, le={field.range[1]})"
        kind = f"Annotated[int, {bounds}, _rt.{FORMATS[field.range]}]"
    elif kind == "float":
        kind = "float | None"  # JSON has no word for infinity and for what is not a number
    if field.repeated:
        return f"list[{kind}]"
    return f"{kind} | None" if field.has_presence and kind != "float | None" else kind
