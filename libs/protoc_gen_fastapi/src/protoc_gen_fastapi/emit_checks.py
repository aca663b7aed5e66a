"""Emits the checks of requests: plain Python on protobuf messages, for the gRPC side."""

from protoc_gen_fastapi.model import Field, Message
from protoc_gen_fastapi.scope import Scope
from protoc_gen_fastapi.wording import REQUIRED
from protoc_gen_fastapi.writer import quoted


def emit_check(scope: Scope, message: Message) -> None:
    """Emits check_<Message>, which returns the first broken rule as (field, problem), or None."""
    lines = [line for field in message.fields for line in _field_check(scope, field)]
    argument = "m" if lines else "_"
    scope.out.blank(2)
    name = scope.define(f"check_{message.name}")
    scope.out.line(f"def {name}({argument}: {scope.proto(message)}) -> _rt.Violation | None:")
    for line in [*lines, "return None"]:
        scope.out.line("    " + line)


def _field_check(scope: Scope, field: Field) -> list[str]:
    name = quoted(field.name)
    lines = [
        line
        for c in field.rules.constraints
        for line in (f"if {c.broken.format(v=f'm.{field.name}')}:", f"    return ({name}, {quoted(c.text)})")
    ]
    if field.has_presence and lines:
        lines = [f"if m.HasField({name}):", *("    " + line for line in lines)]
    if field.rules.required:
        lines = [f"if not m.HasField({name}):", f"    return ({name}, {quoted(REQUIRED)})", *lines]
    return lines + _inner_check(scope, field) if field.kind == "message" else lines


def _inner_check(scope: Scope, field: Field) -> list[str]:
    inner = scope.inner(field)
    if not _has_rules(scope, inner):
        return []
    check = scope.emitted(inner, f"check_{inner.name}")
    if field.repeated:
        return [
            f"for index, item in enumerate(m.{field.name}):",
            f"    if (bad := {check}(item)) is not None:",
            f'        return (f"{field.name}[{{index}}].{{bad[0]}}", bad[1])',
        ]
    return [
        f"if m.HasField({quoted(field.name)}) and (bad := {check}(m.{field.name})) is not None:",
        f'    return (f"{field.name}.{{bad[0]}}", bad[1])',
    ]


def _has_rules(scope: Scope, message: Message) -> bool:
    return any(
        f.rules.constraints or f.rules.required or (f.kind == "message" and _has_rules(scope, scope.inner(f)))
        for f in message.fields
    )
