"""Reads the options of a request's files: HTTP bindings, field rules, idempotency.

The plugin has no generated code for these options. It builds a descriptor pool from the files that protoc sends along
and parses the options again with the classes from that pool.
"""

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.compiler import plugin_pb2
from google.protobuf.message import Message

_HTTP = "google.api.http"
_FIELD_RULES = "buf.validate.field"
_ELSEWHERE = ("buf.validate.message", "buf.validate.oneof")


class Options:
    """Options of one CodeGeneratorRequest."""

    def __init__(self, request: plugin_pb2.CodeGeneratorRequest) -> None:
        self._pool = descriptor_pool.DescriptorPool()
        for file in request.proto_file:
            self._pool.Add(file)

    def http(self, method: descriptor_pb2.MethodDescriptorProto) -> Any | None:
        """The google.api.HttpRule of a method."""
        return self._extension(method.options, "google.protobuf.MethodOptions", _HTTP)

    def rules(self, field: descriptor_pb2.FieldDescriptorProto) -> Any | None:
        """The buf.validate.FieldRules of a field."""
        return self._extension(field.options, "google.protobuf.FieldOptions", _FIELD_RULES)

    def message_rules(self, message: descriptor_pb2.DescriptorProto) -> Any | None:
        """The buf.validate.MessageRules of a message."""
        return self._extension(message.options, "google.protobuf.MessageOptions", _ELSEWHERE[0])

    def _extension(self, options: Message, kind: str, name: str) -> Any | None:
        try:
            extension: Any = self._pool.FindExtensionByName(name)
        except KeyError:
            return None
        again = message_factory.GetMessageClass(self._pool.FindMessageTypeByName(kind))()
        message_factory.GetMessageClass(extension.message_type)
        again.ParseFromString(options.SerializeToString())
        return again.Extensions[extension] if again.HasExtension(extension) else None
