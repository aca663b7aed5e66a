"""Emits what OpenAPI shows of messages and can't be read from their descriptors: texts, rules, examples."""

from collections.abc import Iterable
from typing import Any

from protoc_gen_fastapi.model import Field, Message, is_map
from protoc_gen_fastapi.rules import Rules
from protoc_gen_fastapi.scope import Scope
from protoc_gen_fastapi.writer import literal, quoted

REQUIRED = "required"


def emit_shown(scope: Scope, messages: Iterable[Message]) -> None:
    """Emits the table: message -> field -> JSON Schema. "" stands for the message itself."""
    out = scope.out
    out.blank(2)
    out.line("_SHOWN: _rt.Shown = {")
    for message in messages:
        lines = [f"{quoted(field.name)}: {literal(shown)}," for field in message.fields if (shown := _field(field))]
        if message.comment:
            lines.insert(0, f'"": {literal({"description": message.comment})},')
        if lines:
            out.line(f"    {quoted(message.full_name)}: {{")
            for line in lines:
                out.line("        " + line)
            out.line("    },")
    out.line("}")


def _field(field: Field) -> dict[str, Any]:
    rules = field.rules
    shown: dict[str, Any] = {"description": field.comment} if field.comment else {}
    shown |= _schema(rules)
    if rules.examples:
        shown["examples"] = [_plain(rules.examples[0])]
    inner = {"items": rules.items, "propertyNames": rules.keys, "additionalProperties": rules.values}
    for keyword, of_inner in inner.items():
        if of_inner is not None and (found := _schema(of_inner)):
            shown[keyword] = found
    if field.zero_breaks and not (field.it.is_repeated and is_map(field.it) and not rules.constraints):
        shown[REQUIRED] = True
    return shown


def _schema(rules: Rules) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for constraint in rules.constraints:
        found |= constraint.schema
    return found


def _plain(value: Any) -> Any:
    """An example as JSON has it."""
    return value if isinstance(value, (str, int, float, bool)) else str(value)
