"""The plugin itself: protoc's request on standard input, the generated files on standard output."""

import sys
from collections.abc import Iterable
from dataclasses import dataclass

from google.protobuf import descriptor_pb2
from google.protobuf.compiler import plugin_pb2

from protoc_gen_fastapi.build import Builder
from protoc_gen_fastapi.emit_checks import CheckEmitter
from protoc_gen_fastapi.emit_encoders import EncoderEmitter
from protoc_gen_fastapi.emit_service import ServiceEmitter
from protoc_gen_fastapi.emit_shown import emit_shown
from protoc_gen_fastapi.model import File, Message, is_map
from protoc_gen_fastapi.names import module_of
from protoc_gen_fastapi.scope import Scope
from protoc_gen_fastapi.writer import Writer, escaped

_CHOICES = {"json": ("lab", "proto"), "answers": ("envelope", "plain")}
_FEATURES = plugin_pb2.CodeGeneratorResponse


class OptionError(ValueError):
    """An option that the plugin doesn't know."""


@dataclass(frozen=True)
class Form:
    """How HTTP answers look: --fastapi_opt=json=proto,answers=plain."""

    json: str = "lab"
    answers: str = "envelope"

    @classmethod
    def of(cls, parameter: str) -> "Form":
        """Raises OptionError."""
        chosen: dict[str, str] = {}
        for option in filter(None, parameter.split(",")):
            name, _, value = option.partition("=")
            if value not in _CHOICES.get(name, ()):
                known = ", ".join(f"{n}={v}" for n, values in _CHOICES.items() for v in values)
                raise OptionError(f"--fastapi_opt={option}: there is no such option; there are {known}")
            chosen[name] = value
        return cls(**chosen)

    @property
    def argument(self) -> str:
        """What is told to the runtime; nothing where all is as usual."""
        return "" if self == Form() else f', _rt.Form("{self.json}", "{self.answers}")'


def main() -> None:
    """Entry point of the console script, which protoc starts."""
    request = plugin_pb2.CodeGeneratorRequest.FromString(sys.stdin.buffer.read())
    sys.stdout.buffer.write(respond(request).SerializeToString())


def respond(request: plugin_pb2.CodeGeneratorRequest) -> plugin_pb2.CodeGeneratorResponse:
    """The generated files, or the errors that protoc shows."""
    response = plugin_pb2.CodeGeneratorResponse(
        supported_features=_FEATURES.FEATURE_PROTO3_OPTIONAL | _FEATURES.FEATURE_SUPPORTS_EDITIONS,
        minimum_edition=descriptor_pb2.EDITION_PROTO2,
        maximum_edition=descriptor_pb2.EDITION_2023,
    )
    try:
        form = Form.of(request.parameter)
    except OptionError as error:
        response.error = str(error)
        return response
    builder = Builder(request)
    if builder.problems:
        response.error = str(builder.problems)
        return response
    for note in builder.notes:
        sys.stderr.write(f"{note}\n")
    for file in builder.files:
        path = module_of(file.path, "_api").replace(".", "/") + ".py"
        response.file.add(name=path, content=generate(file, builder.messages, form))
    return response


def generate(file: File, messages: dict[str, Message], form: Form | None = None) -> str:
    """The text of the module for one .proto file."""
    form = form or Form()
    out = Writer()
    scope = Scope(out, file.path)
    checks, encoders = CheckEmitter(scope, messages), EncoderEmitter(scope, messages, lab=form.json == "lab")
    services = [ServiceEmitter(scope, file, service, form.argument) for service in file.services]
    for service in services:
        service.interface()
    methods = [method for service in file.services for method in service.methods]
    requests = _within(messages, [m.request for m in methods])
    own = {m.request.full_name for m in methods}
    for message in requests:
        if message.has_checks or message.full_name in own:
            checks.emit(message)
    replies = _within(messages, [m.reply for m in methods if m.routes])
    encoders.tables(replies)
    for message in replies:
        encoders.emit(message)
    if services:
        shown = {message.full_name: message for message in (*requests, *replies)}
        emit_shown(scope, shown.values())
    for service in services:
        service.tables(
            lambda it: scope.of("check", messages[it.full_name]), lambda it: scope.of("encode", messages[it.full_name])
        )
    return _head(file, out) + out.text()


def _within(messages: dict[str, Message], roots: Iterable[Message]) -> list[Message]:
    """These messages and all that they hold, inner ones first."""
    ordered: dict[str, Message] = {}
    met: set[str] = set()

    def add(message: Message) -> None:
        if message.full_name in met:
            return
        met.add(message.full_name)
        for field in message.fields:
            inner = field.it.message_type
            if inner is not None and is_map(field.it):
                inner = inner.fields_by_name["value"].message_type
            if inner is not None:
                add(messages[inner.full_name])
        ordered[message.full_name] = message

    for message in roots:
        add(message)
    return list(ordered.values())


def _head(file: File, out: Writer) -> str:
    lines = ["# Generated by protoc-gen-fastapi. DO NOT EDIT!", f"# source: {file.path}"]
    lines += [f'"""{escaped(file.comment or file.path)}"""', ""]
    if file.services:
        lines += _imports(out.text())
        lines += out.imports()
        lines += ["from protoc_gen_fastapi.runtime import emitted as _rt", "", ""]
    return "\n".join(lines)


def _imports(body: str) -> list[str]:
    typing = ["Any", "Protocol"] if "Any" in body else ["Protocol"]
    lines = ["from collections.abc import AsyncIterator"] if "AsyncIterator[" in body else []
    lines += [f"from typing import {', '.join(typing)}", ""]
    return [*lines, "import grpc", "import grpc.aio", "from fastapi import APIRouter", ""]
