"""How the code of one generated module names messages, and what was emitted for them, here or elsewhere."""

from protoc_gen_fastapi.model import Field, Message
from protoc_gen_fastapi.names import GenerationError, module_of
from protoc_gen_fastapi.writer import Writer

# What every generated module may import.
IMPORTED = ("Annotated", "Any", "APIRouter", "ConfigDict", "FailFast", "Field", "Literal", "Protocol", "grpc")


class Scope:
    """The names seen from one file. Naming something of another file imports it."""

    def __init__(self, out: Writer, file: str, messages: dict[str, Message]) -> None:
        self.out = out
        self.file = file
        self._messages = messages
        self._defined: set[str] = set(IMPORTED)

    def define(self, name: str) -> str:
        """Takes a name of the module for one thing. Raises GenerationError when something else has it."""
        if name in self._defined:
            raise GenerationError(f"{self.file}: two things would be named {name!r} in Python")
        self._defined.add(name)
        return name

    def inner(self, field: Field) -> Message:
        """The message that a message field holds."""
        return self._messages[field.type_name]

    def proto(self, message: Message) -> str:
        """The protobuf class of a message."""
        return f"{self.out.module(module_of(message.file, '_pb2'))}.{message.name}"

    def emitted(self, message: Message, name: str) -> str:
        """Something that was emitted for `message` in the module of its own file."""
        return name if message.file == self.file else f"{self.out.module(module_of(message.file, '_api'))}.{name}"
