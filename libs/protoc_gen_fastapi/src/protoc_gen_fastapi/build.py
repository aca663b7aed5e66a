"""Builds the model from what protoc sends."""

import re
from collections.abc import Iterator

from google.protobuf import descriptor_pb2 as pb
from google.protobuf.compiler import plugin_pb2

from protoc_gen_fastapi.model import KINDS, RANGES, Field, File, Message, Method, Route, Service
from protoc_gen_fastapi.names import GenerationError, check_field_name
from protoc_gen_fastapi.options import Options
from protoc_gen_fastapi.rules import Rules, read_rules

_VERBS = ("get", "put", "post", "delete", "patch")
_VARIABLE = re.compile(r"\{([^}]*)\}")
_UNTOLD = ("google/", "buf/")


class Builder:
    """Builds all files of one request, so that a message knows every service that uses it."""

    def __init__(self, request: plugin_pb2.CodeGeneratorRequest) -> None:
        self._options = Options(request)
        self.messages: dict[str, Message] = {}
        self.files: dict[str, File] = {}
        shown = [f for f in request.proto_file if not f.name.startswith(_UNTOLD)]
        for file in shown:
            self.files[file.name] = self._file(file)
        for file in shown:
            self._add_services(file)
        self._spread_roles()

    def _file(self, file: pb.FileDescriptorProto) -> File:
        comments = _comments(file)
        messages: list[Message] = []
        for index, message in enumerate(file.message_type):
            built = self._message(file, message, (4, index), comments)
            self.messages[built.full_name] = built
            messages.append(built)
        return File(file.name, comments.get((2,), ""), messages, [])

    def _message(
        self, file: pb.FileDescriptorProto, message: pb.DescriptorProto, path: tuple[int, ...], comments: "Comments"
    ) -> Message:
        full_name = f"{file.package}.{message.name}" if file.package else message.name
        synthetic = {f.oneof_index for f in message.field if f.proto3_optional}
        if len(message.oneof_decl) != len(synthetic) or message.nested_type or message.enum_type:
            raise GenerationError(f"{full_name}: oneof, map, nested messages and enums are not supported")
        if self._options.message_rules(message) is not None:
            raise GenerationError(f"{full_name}: rules on a whole message are not supported")
        fields = [
            self._field(field, full_name, comments.get((*path, 2, index), ""))
            for index, field in enumerate(message.field)
        ]
        return Message(full_name, message.name, file.name, comments.get(path, ""), fields)

    def _field(self, field: pb.FieldDescriptorProto, owner: str, comment: str) -> Field:
        where = f"{owner}.{field.name}"
        check_field_name(field.name, where)
        kind = KINDS.get(field.type)
        if kind is None:
            shown = pb.FieldDescriptorProto.Type.Name(field.type)
            raise GenerationError(f"{where}: fields of type {shown} are not supported")
        given = self._options.rules(field)
        rules = Rules() if given is None else read_rules(given, where)
        repeated = field.label == pb.FieldDescriptorProto.LABEL_REPEATED
        if rules.required and (kind != "message" or repeated):
            raise GenerationError(f"{where}: the rule 'required' is supported on messages only; use a bound")
        return Field(
            name=field.name,
            kind=kind,
            repeated=repeated,
            optional=field.proto3_optional,
            type_name=field.type_name.lstrip("."),
            range=RANGES.get(field.type),
            rules=rules,
            comment=comment,
        )

    def _add_services(self, file: pb.FileDescriptorProto) -> None:
        comments = _comments(file)
        for number, service in enumerate(file.service):
            full_name = f"{file.package}.{service.name}" if file.package else service.name
            built = Service(full_name, service.name, comments.get((6, number), ""))
            for index, method in enumerate(service.method):
                comment = comments.get((6, number, 2, index), "")
                built.methods.append(self._method(method, full_name, comment))
            self.files[file.name].services.append(built)

    def _method(self, method: pb.MethodDescriptorProto, service: str, comment: str) -> Method:
        where = f"{service}.{method.name}"
        if method.client_streaming or method.server_streaming:
            raise GenerationError(f"{where}: streams are not supported")
        try:
            request, reply = (self.messages[t.lstrip(".")] for t in (method.input_type, method.output_type))
        except KeyError as error:
            raise GenerationError(f"{where}: messages of {error} are not supported") from None
        route = self._route(method, request, where)
        request.is_request = True
        request.is_http_request |= route is not None
        reply.is_http_reply |= route is not None
        idempotent = method.options.idempotency_level == pb.MethodOptions.NO_SIDE_EFFECTS
        return Method(method.name, request, reply, idempotent, route, comment)

    def _route(self, method: pb.MethodDescriptorProto, request: Message, where: str) -> Route | None:
        rule = self._options.http(method)
        if rule is None:
            return None
        verb = next((v for v in _VERBS if rule.HasField(v)), None)
        if verb is None or rule.additional_bindings or rule.body not in ("", "*") or rule.response_body:
            raise GenerationError(f'{where}: only one HTTP binding with body "*" or none is supported')
        path: str = getattr(rule, verb)
        names = {f.name: f for f in request.fields}
        variables = tuple(_VARIABLE.findall(path))
        for name in variables:
            if name not in names or names[name].repeated or names[name].kind == "message":
                raise GenerationError(f"{where}: {{{name}}} in the path is not a plain field of the request")
        if not rule.body and any(f.repeated or f.kind == "message" for f in request.fields):
            raise GenerationError(f"{where}: lists and messages can't be sent in a query")
        if rule.body and variables:
            _note_path_fields(request, variables, where)
        return Route(verb.upper(), path, bool(rule.body), variables)

    def _spread_roles(self) -> None:
        """A message inside of a request is part of requests, one inside of a reply part of replies."""
        for message in list(self.messages.values()):
            for inner in self._inside(message, ()):
                inner.is_request |= message.is_request
                inner.is_http_request |= message.is_http_request
                inner.is_http_reply |= message.is_http_reply

    def _inside(self, message: Message, above: tuple[str, ...]) -> Iterator[Message]:
        if message.full_name in above:
            raise GenerationError(f"{message.full_name}: a message that holds itself is not supported")
        for field in message.fields:
            if field.kind != "message":
                continue
            if field.type_name not in self.messages:
                raise GenerationError(f"{message.full_name}.{field.name}: {field.type_name} is not supported")
            inner = self.messages[field.type_name]
            yield inner
            yield from self._inside(inner, (*above, message.full_name))


def _note_path_fields(request: Message, variables: tuple[str, ...], where: str) -> None:
    if request.path_fields not in ((), variables):
        raise GenerationError(f"{where}: all paths of {request.name} must hold the same fields")
    request.path_fields = variables


Comments = dict[tuple[int, ...], str]


def _comments(file: pb.FileDescriptorProto) -> Comments:
    return {
        tuple(location.path): _cleaned(location.leading_comments)
        for location in file.source_code_info.location
        if location.leading_comments
    }


def _cleaned(comment: str) -> str:
    return " ".join(line.strip() for line in comment.strip().splitlines())
