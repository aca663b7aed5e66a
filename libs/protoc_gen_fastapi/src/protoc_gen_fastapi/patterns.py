"""Patterns of field rules, which are RE2's: matched by RE2 itself, in time linear to the text, and shown in OpenAPI
where ECMAScript has words for the same.
"""

from functools import cache
from typing import Any

_CLASSES = {"s": r"\t\n\f\r ", "d": "0-9", "w": "0-9A-Za-z_"}
_PLAIN_ESCAPES = frozenset(r"\.+*?()|[]{}^$-/@#&~\"'<>%!,:;=` tnfr")


class PatternError(ValueError):
    """The pattern is none of RE2."""


@cache
def _compiled(pattern: str) -> Any:
    import re2  # not at the top: most services have no patterns, and it is some megabytes

    library: Any = re2  # it has no annotations
    options = library.Options()
    options.log_errors = False
    try:
        return library.compile(pattern, options)
    except library.error as error:
        raise PatternError(str(error)) from None


def matches(pattern: str, text: str) -> bool:
    """Whether a pattern is found in a text. Raises PatternError where it is none."""
    return _compiled(pattern).search(text) is not None


def portable(pattern: str) -> str | None:
    """The pattern for JSON Schema; None where ECMAScript has no word for something in it.

    `\\s`, `\\d` and `\\w` are spelt out: ECMAScript's are wider.
    """
    out: list[str] = []
    in_class = False
    position = 0
    while position < len(pattern):
        char = pattern[position]
        if char == "\\":
            position += 1
            escape = _escape(pattern[position : position + 1], in_class)
            if escape is None:
                return None
            char = escape
        elif pattern.startswith("[:", position) or _is_special_group(pattern, position):
            return None
        else:
            in_class = char == "[" or (in_class and char != "]")
        out.append(char)
        position += 1
    return "".join(out)


def _is_special_group(pattern: str, position: int) -> bool:
    return pattern.startswith("(?", position) and not pattern.startswith("(?:", position)


def _escape(char: str, in_class: bool) -> str | None:
    if char in _CLASSES:
        return _CLASSES[char] if in_class else f"[{_CLASSES[char]}]"
    if char.lower() in _CLASSES and not in_class:
        return f"[^{_CLASSES[char.lower()]}]"
    return f"\\{char}" if char in _PLAIN_ESCAPES else None
