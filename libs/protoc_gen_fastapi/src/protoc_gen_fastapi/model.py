"""The .proto files as the emitters want them: fields with rules, messages with roles, services with routes."""

from dataclasses import dataclass, field

from google.protobuf import descriptor_pb2 as pb

from protoc_gen_fastapi.rules import Rules

F = pb.FieldDescriptorProto
RANGES = {
    F.TYPE_INT32: (-(2**31), 2**31 - 1),
    F.TYPE_SINT32: (-(2**31), 2**31 - 1),
    F.TYPE_SFIXED32: (-(2**31), 2**31 - 1),
    F.TYPE_UINT32: (0, 2**32 - 1),
    F.TYPE_FIXED32: (0, 2**32 - 1),
    F.TYPE_INT64: (-(2**63), 2**63 - 1),
    F.TYPE_SINT64: (-(2**63), 2**63 - 1),
    F.TYPE_SFIXED64: (-(2**63), 2**63 - 1),
    F.TYPE_UINT64: (0, 2**64 - 1),
    F.TYPE_FIXED64: (0, 2**64 - 1),
}
FORMATS = {
    (-(2**31), 2**31 - 1): "INT32",
    (0, 2**32 - 1): "UINT32",
    (-(2**63), 2**63 - 1): "INT64",
    (0, 2**64 - 1): "UINT64",
}
KINDS = {
    **dict.fromkeys(RANGES, "int"),
    F.TYPE_STRING: "str",
    F.TYPE_BOOL: "bool",
    F.TYPE_DOUBLE: "float",
    F.TYPE_FLOAT: "float",
    F.TYPE_MESSAGE: "message",
}


@dataclass
class Field:
    """One field of a message. `kind` is int, str, bool, float or message."""

    name: str
    kind: str
    repeated: bool
    optional: bool
    type_name: str
    range: tuple[int, int] | None
    rules: Rules
    comment: str

    @property
    def has_presence(self) -> bool:
        return self.optional or (self.kind == "message" and not self.repeated)

    @property
    def zero_breaks(self) -> bool:
        """True when a request that lacks the field is refused."""
        return self.rules.required or not (self.has_presence or self.rules.zero_holds)


@dataclass
class Message:
    """One message. Its roles tell which code is emitted for it: a check for requests, a model for those that come over
    HTTP too, an encoder and a model for replies that leave over HTTP.
    """

    full_name: str
    name: str
    file: str
    comment: str
    fields: list[Field]
    is_request: bool = False
    is_http_request: bool = False
    is_http_reply: bool = False
    path_fields: tuple[str, ...] = ()

    @property
    def reply_model(self) -> str:
        """The name of the model that describes it in replies; in requests the model has the message's own name."""
        return f"{self.name}Reply" if self.is_http_request else self.name


@dataclass(frozen=True)
class Route:
    """The HTTP binding of a method."""

    verb: str
    path: str
    reads_body: bool
    path_fields: tuple[str, ...]


@dataclass
class Method:
    """One rpc."""

    name: str
    request: Message
    reply: Message
    idempotent: bool
    route: Route | None
    comment: str


@dataclass
class Service:
    """One service with its methods."""

    full_name: str
    name: str
    comment: str
    methods: list[Method] = field(default_factory=list[Method])


@dataclass
class File:
    """One .proto file."""

    path: str
    comment: str
    messages: list[Message]
    services: list[Service]
