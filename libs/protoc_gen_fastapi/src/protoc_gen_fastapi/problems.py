"""What is wrong with .proto files: all of it at once, each with its file and line."""

from collections.abc import Mapping

from google.protobuf import descriptor_pb2 as pb

Place = tuple[int, ...]
"""Where something is declared, as SourceCodeInfo counts: (4, 0, 2, 1) is the second field of the first message."""


class Problems:
    """Collects them. A generator that found any writes no file."""

    def __init__(self, files: Mapping[str, pb.FileDescriptorProto]) -> None:
        self._files = files
        self._lines: dict[str, dict[Place, int]] = {}
        self._found: dict[str, None] = {}

    def add(self, file: str, place: Place, text: str) -> None:
        """Notes a problem; `text` says what is wrong with what, and what to do."""
        line = self._line(file, place)
        self._found[f"{file}:{line}: {text}" if line else f"{file}: {text}"] = None

    def __bool__(self) -> bool:
        return bool(self._found)

    def __str__(self) -> str:
        return "\n".join(self._found)

    def _line(self, file: str, place: Place) -> int:
        """The line of a place, or of what is around it; 0 where the file came without lines."""
        if file not in self._lines:
            locations = self._files[file].source_code_info.location
            self._lines[file] = {tuple(found.path): found.span[0] + 1 for found in locations}
        lines = self._lines[file]
        while place and place not in lines:
            place = place[:-1]
        return lines.get(place, 0)
