"""Translates RE2 patterns, in which field rules are written, into patterns that mean the same elsewhere.

Python's `$` also matches before a last line break, and `\\s`, `\\d`, `\\w` are wider in Python, Rust and ECMAScript
than in RE2; these are spelt out. What can't be spelt out is refused.
"""

import re

from protoc_gen_fastapi.names import GenerationError

_CLASSES = {"s": r"\t\n\f\r ", "d": "0-9", "w": "0-9A-Za-z_"}
_PLAIN_ESCAPES = frozenset(r"\.+*?()|[]{}^$-/@#&~\"'<>%!,:;=` tnfr")


def portable(pattern: str) -> str:
    """The pattern for pydantic's regular expressions and for JSON Schema."""
    return _translated(pattern, end="$")


def for_python(pattern: str) -> str:
    """The pattern for `re.search`."""
    translated = _translated(pattern, end=r"\Z")
    re.compile(translated)
    return translated


def _translated(pattern: str, end: str) -> str:
    out: list[str] = []
    in_class = False
    position = 0
    while position < len(pattern):
        char = pattern[position]
        if char == "\\":
            position += 1
            out.append(_escape(pattern, position, in_class))
        elif char == "(" and pattern.startswith("(?", position) and not pattern.startswith("(?:", position):
            raise GenerationError(f"pattern {pattern!r}: groups with flags or names are not supported")
        elif char == "$" and not in_class:
            out.append(end)
        else:
            in_class = char == "[" or (in_class and char != "]")
            out.append(char)
        position += 1
    return "".join(out)


def _escape(pattern: str, position: int, in_class: bool) -> str:
    char = pattern[position : position + 1]
    if char in _CLASSES:
        return _CLASSES[char] if in_class else f"[{_CLASSES[char]}]"
    if char.lower() in _CLASSES and not in_class:
        return f"[^{_CLASSES[char.lower()]}]"
    if char and char in _PLAIN_ESCAPES:
        return "\\" + char
    raise GenerationError(f"pattern {pattern!r}: the escape \\{char} is not supported")
