"""Collects the lines of one generated module and the imports that they need."""

import json
from typing import cast


def quoted(text: str) -> str:
    """A Python string literal in double quotes."""
    return json.dumps(text, ensure_ascii=False)


def literal(value: object) -> str:
    """A Python literal of plain values, with texts in double quotes."""
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, dict):
        pairs = cast("dict[object, object]", value).items()
        return "{" + ", ".join(f"{literal(k)}: {literal(v)}" for k, v in pairs) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(literal, cast("list[object]", value))) + "]"
    return repr(value)


def escaped(text: str) -> str:
    """A text as it stands in a docstring."""
    safe = text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    return safe[:-1] + '\\"' if safe.endswith('"') else safe


class Writer:
    """Lines of a module; imports are found out while the lines are written."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._modules: dict[str, str] = {}
        self.after_table = False

    def module(self, name: str) -> str:
        """Imports a module and returns the name it has here."""
        if name not in self._modules:
            short = name.rpartition(".")[2]
            taken = short in self._modules.values()
            self._modules[name] = name.replace(".", "_") if taken else short
        return self._modules[name]

    def line(self, text: str = "") -> None:
        self._lines.append(text.rstrip())

    def blank(self, count: int) -> None:
        """Makes sure that `count` blank lines come before the next line."""
        while self._lines and not self._lines[-1]:
            self._lines.pop()
        self._lines += [""] * count

    def docstring(self, text: str, indent: int) -> None:
        self.line(" " * indent + f'"""{escaped(text)}"""')

    def imports(self) -> list[str]:
        lines: list[str] = []
        for name, short in sorted(self._modules.items()):
            package, _, last = name.rpartition(".")
            renamed = "" if short == last else f" as {short}"
            lines.append(f"from {package} import {last}{renamed}" if package else f"import {last}{renamed}")
        return lines

    def text(self) -> str:
        return "\n".join(self._lines).rstrip("\n") + "\n"
