"""How the code of one generated module names things: each name stands for one thing."""

import keyword
from collections.abc import Callable

from google.protobuf.descriptor import Descriptor

from protoc_gen_fastapi.model import Message
from protoc_gen_fastapi.names import attribute, module_of
from protoc_gen_fastapi.writer import Writer

# What every generated module may import, or takes from Python.
IMPORTED = ("AsyncIterator", "Any", "APIRouter", "Protocol", "dict", "float", "grpc", "len", "list", "str", "enumerate")


class Scope:
    """The names of one module. Naming a message imports its module."""

    def __init__(self, out: Writer, file: str) -> None:
        self.out = out
        self.file = file
        self._taken: set[str] = set(IMPORTED)
        self._given: dict[tuple[str, str], str] = {}

    def define(self, name: str, otherwise: Callable[[int], str] | None = None) -> str:
        """Takes a name of the module; where something else has it, the first free of `otherwise(2)`, ..."""
        found, count = name, 1
        while found in self._taken:
            count += 1
            found = otherwise(count) if otherwise else f"{name}_{count}"
        self._taken.add(found)
        return found

    def of(self, prefix: str, message: Message) -> str:
        """What `prefix` makes of a message: check_Outer_Inner. The same name whenever it is asked."""
        key = (prefix, message.full_name)
        if key not in self._given:
            self._given[key] = self.define(f"{prefix}_{message.local_name}")
        return self._given[key]

    def proto(self, message: Descriptor) -> str:
        """The protobuf class of a message."""
        outer = message.containing_type
        if outer is not None:
            return attribute(self.proto(outer), message.name)
        return attribute(self.out.module(module_of(message.file.name, "_pb2")), message.name)


def unique(names: list[str]) -> list[str]:
    """Names that are all different: a second "get_url" becomes "get_url_2"."""
    taken: set[str] = set()
    found: list[str] = []
    for name in names:
        candidate, count = name, 1
        while candidate in taken or keyword.iskeyword(candidate):
            count += 1
            candidate = f"{name}_{count}"
        taken.add(candidate)
        found.append(candidate)
    return found
