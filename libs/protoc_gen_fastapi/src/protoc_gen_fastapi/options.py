"""Reads the options of a request's files: HTTP bindings, field rules, idempotency.

The plugin has no generated code for these options. It builds a descriptor pool from the files that protoc sends along
and parses the options again with the classes from that pool.
"""

from typing import Any

from google.protobuf import descriptor_pb2 as pb
from google.protobuf import descriptor_pool, message_factory
from google.protobuf.compiler import plugin_pb2
from google.protobuf.message import Message

_HTTP = "google.api.http"
_FIELD_RULES = ("buf.validate.field", "validate.rules")
_ONEOF_RULES = ("buf.validate.oneof", "validate.required")
_UNCHECKED = ("validate.disabled", "validate.ignored")
_MESSAGE_RULES = "buf.validate.message"


class Options:
    """Options of one CodeGeneratorRequest, and the descriptors of all its files in `pool`."""

    def __init__(self, request: plugin_pb2.CodeGeneratorRequest) -> None:
        self.pool = descriptor_pool.DescriptorPool()
        for file in request.proto_file:
            self.pool.Add(file)

    def http(self, method: pb.MethodDescriptorProto) -> Any | None:
        """The google.api.HttpRule of a method."""
        return self._extension(method.options, "google.protobuf.MethodOptions", _HTTP)

    def rules(self, field: pb.FieldDescriptorProto) -> list[Any]:
        """The FieldRules of a field: those of buf.validate, and those of protoc-gen-validate."""
        found = (self._extension(field.options, "google.protobuf.FieldOptions", name) for name in _FIELD_RULES)
        return [rules for rules in found if rules is not None]

    def is_required(self, oneof: pb.OneofDescriptorProto) -> bool:
        """Whether one member of a oneof must be set."""
        found = [self._extension(oneof.options, "google.protobuf.OneofOptions", name) for name in _ONEOF_RULES]
        return bool(found[1] or (found[0] is not None and found[0].required))

    def is_unchecked(self, message: pb.DescriptorProto) -> bool:
        """Whether the rules in a message are switched off."""
        return any(self._extension(message.options, "google.protobuf.MessageOptions", name) for name in _UNCHECKED)

    def message_rules(self, message: pb.DescriptorProto) -> Any | None:
        """The buf.validate.MessageRules of a message."""
        return self._extension(message.options, "google.protobuf.MessageOptions", _MESSAGE_RULES)

    def _extension(self, options: Message, kind: str, name: str) -> Any | None:
        try:
            extension: Any = self.pool.FindExtensionByName(name)
            options_class = message_factory.GetMessageClass(self.pool.FindMessageTypeByName(kind))
        except KeyError:
            return None
        if extension.message_type is not None:
            message_factory.GetMessageClass(extension.message_type)
        again = options_class()
        again.ParseFromString(options.SerializeToString())
        return again.Extensions[extension] if again.HasExtension(extension) else None
