"""Emits the encoders of replies: from protobuf messages to dicts, for the HTTP side."""

from collections.abc import Iterable, Mapping

from google.protobuf.descriptor import EnumDescriptor
from google.protobuf.descriptor import FieldDescriptor as F

from protoc_gen_fastapi.model import Field, Message, is_known, is_map
from protoc_gen_fastapi.names import attribute
from protoc_gen_fastapi.scope import Scope
from protoc_gen_fastapi.writer import literal, quoted

_WIDE = frozenset((F.TYPE_INT64, F.TYPE_UINT64, F.TYPE_SINT64, F.TYPE_FIXED64, F.TYPE_SFIXED64))


class EncoderEmitter:
    """Emits encode_<Message>.

    In the form of the lab, names are those of the .proto, zero values are written, what is unset is null and 64-bit
    integers are numbers; otherwise the form is that of the protobuf specification.
    """

    def __init__(self, scope: Scope, messages: Mapping[str, Message], *, lab: bool) -> None:
        self._scope = scope
        self._messages = messages
        self._lab = lab

    def tables(self, messages: Iterable[Message]) -> None:
        """Emits the names of the numbers of enums that these messages have."""
        enums = {e.full_name: e for message in messages for field in message.fields if (e := _enum_of(field.it))}
        if not enums:
            return
        self._scope.out.blank(2)
        self._scope.out.line("_NAMES: dict[str, dict[int, str]] = {")
        for name, enum in enums.items():
            numbers: dict[int, str] = {}
            for value in enum.values:
                numbers.setdefault(value.number, value.name)
            self._scope.out.line(f"    {quoted(name)}: {literal(numbers)},")
        self._scope.out.line("}")

    def emit(self, message: Message) -> None:
        out = self._scope.out
        out.blank(2)
        name = self._scope.of("encode", message)
        argument = "m" if message.fields or is_known(message.it) else "_"
        result = "Any" if is_known(message.it) else "dict[str, Any]"
        out.line(f"def {name}({argument}: {self._scope.proto(message.it)}) -> {result}:")
        if is_known(message.it):
            out.line("    return _rt.as_json(m)")
        elif not message.fields:
            out.line("    return {}")
        elif self._lab:
            self._lab_body(message)
        else:
            self._standard_body(message)

    def _lab_body(self, message: Message) -> None:
        out = self._scope.out
        out.line("    return {")
        for field in message.fields:
            value = self._value(field)
            if field.has_presence:
                value = f"{value} if m.HasField({quoted(field.name)}) else None"
            out.line(f"        {quoted(field.name)}: {value},")
        out.line("    }")

    def _standard_body(self, message: Message) -> None:
        """What is unset or zero is left out."""
        out = self._scope.out
        out.line("    d: dict[str, Any] = {}")
        for field in message.fields:
            sent = f"m.HasField({quoted(field.name)})" if field.has_presence else attribute("m", field.name)
            if not field.it.is_repeated and not field.has_presence and field.it.type in (F.TYPE_DOUBLE, F.TYPE_FLOAT):
                sent = f"_rt.is_written({sent})"
            out.line(f"    if {sent}:")
            out.line(f"        d[{quoted(field.it.json_name)}] = {self._value(field)}")
        out.line("    return d")

    def _value(self, field: Field) -> str:
        value, it = attribute("m", field.name), field.it
        if is_map(it):
            assert it.message_type is not None  # noqa: S101 - maps have one
            key = it.message_type.fields_by_name["key"]
            item = self._one(it.message_type.fields_by_name["value"], "item")
            shown = "key" if key.type == F.TYPE_STRING else "_rt.as_key(key)"
            return f"{{{shown}: {item} for key, item in {value}.items()}}"
        if it.is_repeated:
            item = self._one(it, "item")
            return f"list({value})" if item == "item" else f"[{item} for item in {value}]"
        return self._one(it, value)

    def _one(self, it: F, value: str) -> str:
        if it.message_type is not None:
            return f"{self._scope.of('encode', self._messages[it.message_type.full_name])}({value})"
        if it.type == F.TYPE_BYTES:
            return f"_rt.base64({value})"
        if it.type == F.TYPE_ENUM:
            return self._enum(it, value)
        if it.type in (F.TYPE_DOUBLE, F.TYPE_FLOAT):
            return f"_rt.{'double' if it.type == F.TYPE_DOUBLE else 'single'}({value})"
        return f"str({value})" if it.type in _WIDE and not self._lab else value

    def _enum(self, it: F, value: str) -> str:
        enum = it.enum_type
        assert enum is not None  # noqa: S101 - of this type
        if enum.full_name == "google.protobuf.NullValue":
            return "None"
        return f"_NAMES[{quoted(enum.full_name)}].get({value}, {value})"


def _enum_of(it: F) -> EnumDescriptor | None:
    if is_map(it) and it.message_type is not None:
        return it.message_type.fields_by_name["value"].enum_type
    return it.enum_type
