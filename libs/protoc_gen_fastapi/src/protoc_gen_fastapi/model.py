"""The .proto files as the emitters want them: messages with their rules, services with their routes."""

from dataclasses import dataclass, field
from typing import Literal

from google.protobuf.descriptor import Descriptor, FieldDescriptor, FileDescriptor

from protoc_gen_fastapi.known import KNOWN
from protoc_gen_fastapi.paths import Template
from protoc_gen_fastapi.problems import Place
from protoc_gen_fastapi.rules import Rules

Streams = Literal["", "server", "client", "both"]


def is_map(field: FieldDescriptor) -> bool:
    inner = field.message_type
    return inner is not None and field.is_repeated and bool(inner.GetOptions().map_entry)


def is_known(message: Descriptor | None) -> bool:
    """Whether a message is one of those that protobuf's JSON writes in a form of their own."""
    return message is not None and message.full_name in KNOWN


@dataclass
class Field:
    """One field of a message."""

    it: FieldDescriptor
    rules: Rules
    comment: str

    @property
    def name(self) -> str:
        return self.it.name

    @property
    def has_presence(self) -> bool:
        return self.it.has_presence and not self.it.is_repeated

    @property
    def zero_breaks(self) -> bool:
        """True when a request that lacks the field is refused."""
        return self.rules.required or not (self.has_presence or self.rules.zero_holds)


@dataclass
class Oneof:
    """A oneof of which one member must be set."""

    name: str
    members: tuple[str, ...]


@dataclass
class Message:
    """One message."""

    it: Descriptor
    comment: str
    place: Place
    fields: list[Field] = field(default_factory=list[Field])
    required_oneofs: list[Oneof] = field(default_factory=list[Oneof])
    has_checks: bool = False

    @property
    def full_name(self) -> str:
        return self.it.full_name

    @property
    def local_name(self) -> str:
        """The name inside of its file, with an underscore for each level: Outer_Inner."""
        package = self.it.file.package
        return self.full_name.removeprefix(f"{package}." if package else "").replace(".", "_")


@dataclass(frozen=True)
class Route:
    """One HTTP binding of a method. `body` is "" for none, "*" for the whole request, or a field; `reply` is "" for the
    whole reply, or a field.
    """

    verb: str
    path: str
    template: Template
    body: str
    reply: str


@dataclass
class Method:
    """One rpc."""

    name: str
    request: Message
    reply: Message
    streams: Streams
    idempotent: bool
    routes: list[Route]
    comment: str
    place: Place


@dataclass
class Service:
    """One service with its methods."""

    full_name: str
    name: str
    comment: str
    place: Place
    methods: list[Method] = field(default_factory=list[Method])


@dataclass
class File:
    """One .proto file."""

    it: FileDescriptor
    comment: str
    services: list[Service] = field(default_factory=list[Service])

    @property
    def path(self) -> str:
        return self.it.name
