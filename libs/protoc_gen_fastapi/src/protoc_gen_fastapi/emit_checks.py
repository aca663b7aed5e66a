"""Emits the checks of requests: plain Python on protobuf messages, the same for both transports."""

from collections.abc import Mapping

from google.protobuf.descriptor import Descriptor

from protoc_gen_fastapi.known import WRAPPERS
from protoc_gen_fastapi.model import Field, Message, is_map
from protoc_gen_fastapi.names import attribute
from protoc_gen_fastapi.rules import Rules
from protoc_gen_fastapi.scope import Scope
from protoc_gen_fastapi.wording import REQUIRED, one_required
from protoc_gen_fastapi.writer import quoted


class CheckEmitter:
    """Emits check_<Message>, which returns the first broken rule as (field, problem), or None."""

    def __init__(self, scope: Scope, messages: Mapping[str, Message]) -> None:
        self._scope = scope
        self._messages = messages

    def emit(self, message: Message) -> None:
        out = self._scope.out
        lines = [line for field in message.fields for line in self._field(field)]
        for oneof in message.required_oneofs:
            told = quoted(one_required(oneof.members))
            lines += [f"if m.WhichOneof({quoted(oneof.name)}) is None:", f"    return ({quoted(oneof.name)}, {told})"]
        out.blank(2)
        argument = "m" if lines else "_"
        name = self._scope.of("check", message)
        out.line(f"def {name}({argument}: {self._scope.proto(message.it)}) -> _rt.Violation | None:")
        for line in [*lines, "return None"]:
            out.line("    " + line)

    def _field(self, field: Field) -> list[str]:
        rules, name, value = field.rules, quoted(field.name), attribute("m", field.name)
        if rules.is_skipped:
            return []
        where = quoted(field.name)
        lines = _broken(rules, _plain(None if field.it.is_repeated else field.it.message_type, value), where)
        if is_map(field.it):
            lines += self._pairs(field, value)
        elif field.it.is_repeated:
            lines += self._items(field, value)
        else:
            lines += self._inner(field.it.message_type, value, f"{field.name}.{{bad[0]}}")
        if lines and field.has_presence:
            lines = [f"if m.HasField({name}):", *_indented(lines)]
        elif lines and rules.unless_zero:
            lines = [f"if {value}:", *_indented(lines)]
        if rules.required:
            absent = f"not m.HasField({name})" if field.has_presence else f"not {value}"
            lines = [f"if {absent}:", f"    return ({name}, {quoted(REQUIRED)})", *lines]
        return lines

    def _items(self, field: Field, value: str) -> list[str]:
        where = f'f"{field.name}[{{index}}]"'
        lines = _broken(field.rules.items, _plain(field.it.message_type, "item"), where)
        if field.rules.items is None or not field.rules.items.is_skipped:
            lines += self._inner(field.it.message_type, "item", f"{field.name}[{{index}}].{{bad[0]}}")
        return [f"for index, item in enumerate({value}):", *_indented(lines)] if lines else []

    def _pairs(self, field: Field, value: str) -> list[str]:
        entry = field.it.message_type
        assert entry is not None  # noqa: S101 - maps have one
        where = f'f"{field.name}[{{_rt.as_key(key)}}]"'
        inner = entry.fields_by_name["value"].message_type
        lines = _broken(field.rules.keys, "key", where) + _broken(field.rules.values, _plain(inner, "item"), where)
        lines += self._inner(inner, "item", f"{field.name}[{{_rt.as_key(key)}}].{{bad[0]}}")
        return [f"for key, item in {value}.items():", *_indented(lines)] if lines else []

    def _inner(self, inner: Descriptor | None, value: str, where: str) -> list[str]:
        if inner is None or not self._messages[inner.full_name].has_checks:
            return []
        check = self._scope.of("check", self._messages[inner.full_name])
        return [f"if (bad := {check}({value})) is not None:", f'    return (f"{where}", bad[1])']


def _plain(kind: Descriptor | None, value: str) -> str:
    """What the rules are about: of a wrapper, the value in it."""
    return f"{value}.value" if kind is not None and kind.full_name in WRAPPERS else value


def _broken(rules: Rules | None, value: str, where: str) -> list[str]:
    if rules is None or rules.is_skipped:
        return []
    lines = [
        line
        for rule in rules.constraints
        for line in (f"if {rule(value)}:", f"    return ({where}, {quoted(rule.text)})")
    ]
    return [f"if {value}:", *_indented(lines)] if lines and rules.unless_zero else lines


def _indented(lines: list[str]) -> list[str]:
    return ["    " + line for line in lines]
