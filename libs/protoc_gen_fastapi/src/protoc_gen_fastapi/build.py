"""Builds the model from what protoc sends: only what services of the wanted files send and answer."""

from collections.abc import Iterator, Mapping
from typing import Any

from google.protobuf import descriptor_pb2 as pb
from google.protobuf.compiler import plugin_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message as ProtobufMessage

from protoc_gen_fastapi import paths
from protoc_gen_fastapi.known import TEXTS
from protoc_gen_fastapi.model import Field, File, Message, Method, Oneof, Route, Service, Streams, is_known, is_map
from protoc_gen_fastapi.options import Options
from protoc_gen_fastapi.problems import Place, Problems
from protoc_gen_fastapi.rules import RuleError, Rules, read_rules

_STREAMS: Mapping[tuple[bool, bool], Streams] = {
    (False, False): "",
    (False, True): "server",
    (True, False): "client",
    (True, True): "both",
}


_METHODS = frozenset(name for name in dir(ProtobufMessage) if not name.startswith("_"))


class Builder:
    """Builds the files that protoc asks for. What is wrong with them is in `problems`; `notes` are no errors."""

    def __init__(self, request: plugin_pb2.CodeGeneratorRequest) -> None:
        self._protos = {file.name: file for file in request.proto_file}
        self._options = Options(request)
        self._comments = {name: _comments(file) for name, file in self._protos.items()}
        self.problems = Problems(self._protos)
        self.notes: list[str] = []
        self.messages: dict[str, Message] = {}
        self.files = [self._file(name) for name in request.file_to_generate]
        _spread_checks(self.messages)

    def _file(self, name: str) -> File:
        file = File(self._options.pool.FindFileByName(name), self._comments[name].get((2,), ""))
        for number, service in enumerate(self._protos[name].service):
            descriptor = file.it.services_by_name[service.name]
            place = (6, number)
            built = Service(descriptor.full_name, service.name, self._comments[name].get(place, ""), place)
            for index, method in enumerate(descriptor.methods):
                built.methods.append(self._method(method, service.method[index], name, (*place, 2, index)))
            self._refuse_twins(name, built)
            file.services.append(built)
        return file

    def _method(self, it: MethodDescriptor, proto: pb.MethodDescriptorProto, file: str, place: Place) -> Method:
        streams = _STREAMS[proto.client_streaming, proto.server_streaming]
        return Method(
            name=it.name,
            request=self._message(it.input_type),
            reply=self._message(it.output_type),
            streams=streams,
            idempotent=proto.options.idempotency_level == pb.MethodOptions.NO_SIDE_EFFECTS,
            routes=self._routes(it, proto, file, place, streams),
            comment=self._comments[file].get(place, ""),
            place=place,
        )

    def _routes(
        self, it: MethodDescriptor, proto: pb.MethodDescriptorProto, file: str, place: Place, streams: Streams
    ) -> list[Route]:
        rule = self._options.http(proto)
        if rule is None:
            return []
        if streams in ("client", "both"):
            self.notes.append(f"{file}: {it.full_name} reads a stream, so it is served over gRPC only")
            return []
        found: list[Route] = []
        for binding in (rule, *rule.additional_bindings):
            try:
                found.append(_route(binding, it))
            except ValueError as error:
                self.problems.add(file, place, f"{it.full_name}: {error}")
        return found

    def _refuse_twins(self, file: str, service: Service) -> None:
        """Two rpcs on one route: the second would never be asked."""
        taken: dict[tuple[str, str], str] = {}
        for method in service.methods:
            for route in method.routes:
                key = (route.verb, route.template.shape)
                if key in taken:
                    told = f"{route.verb} {route.path} is the route of {taken[key]} already; give one of them another"
                    self.problems.add(file, method.place, f"{service.full_name}.{method.name}: {told}")
                taken.setdefault(key, method.name)

    def _message(self, it: Descriptor) -> Message:
        """The message with all that it holds; those that protobuf's JSON has a form of its own for hold nothing."""
        if it.full_name in self.messages:
            return self.messages[it.full_name]
        file = it.file.name
        proto, place = _declared(self._protos[file], it)
        message = Message(it, self._comments[file].get(place, ""), place)
        self.messages[it.full_name] = message
        if is_known(it):
            return message
        unchecked = self._options.is_unchecked(proto)
        if not unchecked and self._options.message_rules(proto) is not None:
            told = "rules on a whole message are not supported; check them in the service and take them away here"
            self.problems.add(file, place, f"{it.full_name}: {told}")
        for index, field in enumerate(proto.field):
            message.fields.append(self._field(it, field, (*place, 2, index), unchecked=unchecked))
        if not unchecked:
            message.required_oneofs += [
                Oneof(oneof.name, tuple(f.name for f in it.oneofs_by_name[oneof.name].fields))
                for oneof in proto.oneof_decl
                if self._options.is_required(oneof)
            ]
        return message

    def _field(self, owner: Descriptor, proto: pb.FieldDescriptorProto, place: Place, *, unchecked: bool) -> Field:
        it = owner.fields_by_name[proto.name]
        file = owner.file.name
        if it.name in _METHODS:
            told = f"protobuf's own messages in Python have a method {it.name}, which the field would hide; rename it"
            self.problems.add(file, place, f"{owner.full_name}.{it.name}: {told}")
        rules = Rules()
        if not unchecked:
            try:
                rules = self._rules(it, proto)
            except RuleError as error:
                self.problems.add(file, place, f"{owner.full_name}.{it.name}: {error}")
        if it.is_required:
            rules.required = True
        inner = it.message_type
        if inner is not None:
            self._message(inner)
        return Field(it, rules, self._comments[file].get(place, ""))

    def _rules(self, it: FieldDescriptor, proto: pb.FieldDescriptorProto) -> Rules:
        result = Rules()
        names = _names_of(it)
        for given in self._options.rules(proto):
            found = read_rules(given, names)
            result.constraints += found.constraints
            result.examples += found.examples
            result.required |= found.required
            result.unless_zero |= found.unless_zero
            result.is_skipped |= found.is_skipped
            result.items, result.keys, result.values = (
                found.items or result.items,
                found.keys or result.keys,
                found.values or result.values,
            )
        return result


def _names_of(it: FieldDescriptor) -> dict[int, str]:
    if is_map(it) and it.message_type is not None:
        it = it.message_type.fields_by_name["value"]
    return {} if it.enum_type is None else {v.number: v.name for v in it.enum_type.values}


def _route(binding: Any, it: MethodDescriptor) -> Route:
    """Raises ValueError that says what is wrong with the binding."""
    verb, path = _verb_and_path(binding)
    template = paths.parse(path)
    for name in template.fields:
        field = _inner_field(it.input_type, name)
        if is_map(field) or (field.message_type is not None and field.message_type.full_name not in TEXTS):
            raise ValueError(f"{{{name}}} in the path is a message or a map; only a plain field can stand there")
    if binding.body not in ("", "*"):
        _inner_field(it.input_type, binding.body)
    if binding.response_body and binding.response_body not in it.output_type.fields_by_name:
        raise ValueError(f"response_body: {binding.response_body!r} is no field of {it.output_type.full_name}")
    body = "" if verb == "GET" else binding.body  # browsers and proxies drop the body of a GET
    return Route(verb, path, template, body, binding.response_body)


def _verb_and_path(binding: Any) -> tuple[str, str]:
    pattern = binding.WhichOneof("pattern")
    if pattern is None:
        raise ValueError("the HTTP rule names no verb and no path")
    if pattern == "custom":
        if not binding.custom.kind.isalpha():
            raise ValueError(f"{binding.custom.kind!r} is no HTTP verb")
        return binding.custom.kind.upper(), binding.custom.path
    return pattern.upper(), getattr(binding, pattern)


def _inner_field(message: Descriptor, name: str) -> FieldDescriptor:
    """The field at "page.size". Raises ValueError."""
    inner: Descriptor | None = message
    field = None
    for part in name.split("."):
        field = None if inner is None else inner.fields_by_name.get(part)
        if field is None:
            raise ValueError(f"{name!r} is no field of {message.full_name}")
        inner = None if field.is_repeated else field.message_type
    assert field is not None  # noqa: S101 - a name has one part at least
    return field


def _declared(file: pb.FileDescriptorProto, it: Descriptor) -> tuple[pb.DescriptorProto, Place]:
    """What the file says of a message, and where."""
    inside = it.full_name.removeprefix(f"{file.package}." if file.package else "").split(".")
    siblings, place, kind = file.message_type, (), 4
    for depth, name in enumerate(inside):
        index = next(i for i, message in enumerate(siblings) if message.name == name)
        place = (*place, kind, index)
        if depth == len(inside) - 1:
            return siblings[index], place
        siblings, kind = siblings[index].nested_type, 3
    raise KeyError(it.full_name)


def _spread_checks(messages: Mapping[str, Message]) -> None:
    """Notes which messages have rules, in themselves or in what they hold; a message may hold itself."""
    checked = {name for name, message in messages.items() if _has_own_rules(message)}
    more = True
    while more:
        more = {
            name
            for name, message in messages.items()
            if name not in checked and any(inner in checked for inner in _held(message))
        }
        checked |= more
    for name in checked:
        messages[name].has_checks = True


def _has_own_rules(message: Message) -> bool:
    return bool(message.required_oneofs) or any(not field.rules.is_empty for field in message.fields)


def _held(message: Message) -> Iterator[str]:
    for field in message.fields:
        if field.rules.is_skipped:
            continue
        inner = field.it.message_type
        if inner is not None and is_map(field.it):
            inner = inner.fields_by_name["value"].message_type
        if inner is not None:
            yield inner.full_name


Comments = dict[Place, str]


def _comments(file: pb.FileDescriptorProto) -> Comments:
    return {
        tuple(location.path): _cleaned(location.leading_comments)
        for location in file.source_code_info.location
        if location.leading_comments
    }


def _cleaned(comment: str) -> str:
    return " ".join(line.strip() for line in comment.strip().splitlines())
