"""Emits the encoders of replies: from protobuf messages to dicts, for the HTTP side."""

from protoc_gen_fastapi.model import Field, Message
from protoc_gen_fastapi.scope import Scope
from protoc_gen_fastapi.writer import quoted


def emit_encoder(scope: Scope, message: Message) -> None:
    """Emits encode_<Message>: zero values are written, unset messages and unset optional fields are null."""
    out = scope.out
    out.blank(2)
    argument = "m" if message.fields else "_"
    name = scope.define(f"encode_{message.name}")
    out.line(f"def {name}({argument}: {scope.proto(message)}) -> dict[str, Any]:")
    if not message.fields:
        out.line("    return {}")
        return
    out.line("    return {")
    for field in message.fields:
        out.line(f"        {quoted(field.name)}: {_encoded(scope, field)},")
    out.line("    }")


def _encoded(scope: Scope, field: Field) -> str:
    value = f"m.{field.name}"
    if field.kind == "message":
        inner = scope.inner(field)
        encode = scope.emitted(inner, f"encode_{inner.name}")
        if field.repeated:
            return f"[{encode}(item) for item in {value}]"
        return f"{encode}({value}) if m.HasField({quoted(field.name)}) else None"
    if field.repeated:
        return f"list({value})"
    return f"{value} if m.HasField({quoted(field.name)}) else None" if field.optional else value
