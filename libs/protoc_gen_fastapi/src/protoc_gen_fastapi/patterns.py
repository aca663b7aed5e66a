"""Translates RE2 patterns, in which field rules are written, into patterns that mean the same elsewhere.

Python's `$` also matches before a last line break, and `\\s`, `\\d`, `\\w` are wider in Python and ECMAScript than in
RE2; these are spelt out. What can't be spelt out is refused.
"""

import re

_CLASSES = {"s": r"\t\n\f\r ", "d": "0-9", "w": "0-9A-Za-z_"}
_POSIX = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "ascii": r"\x00-\x7f",
    "blank": r"\t ",
    "digit": "0-9",
    "lower": "a-z",
    "space": r"\t\n\v\f\r ",
    "upper": "A-Z",
    "word": "0-9A-Za-z_",
    "xdigit": "0-9A-Fa-f",
}
_PLAIN_ESCAPES = frozenset(r"\.+*?()|[]{}^$-/@#&~\"'<>%!,:;=` tnfr_")
_FLAGS = re.compile(r"\(\?([ims]+)\)").match
_NAMED = re.compile(r"\(\?P?<\w+>").match
_HEX = re.compile(r"x[0-9A-Fa-f]{2}").match


class PatternError(ValueError):
    """The pattern means something that can't be said in Python."""


def portable(pattern: str) -> str | None:
    """The pattern for JSON Schema; None where ECMAScript has no word for it."""
    if _FLAGS(pattern) or re.search(r"\(\?P?<", pattern):
        return None
    return _translated(pattern, end="$")


def for_python(pattern: str) -> str:
    """The pattern for `re.search`. Raises PatternError."""
    translated = _translated(pattern, end=r"\Z")
    try:
        re.compile(translated)
    except re.error as error:
        raise PatternError(f"the pattern {pattern!r} is none that Python knows: {error}") from None
    return translated


def _translated(pattern: str, end: str) -> str:
    flags = _FLAGS(pattern)
    out: list[str] = [flags.group()] if flags else []
    in_class = False
    position = flags.end() if flags else 0
    while position < len(pattern):
        char = pattern[position]
        if char == "\\":
            taken, text = _escape(pattern, position + 1, in_class)
            position += taken
            out.append(text)
        elif in_class and pattern.startswith("[:", position) and ":]" in pattern[position:]:
            close = pattern.index(":]", position)
            out.append(_posix(pattern, pattern[position + 2 : close]))
            position = close + 1
        elif char == "(" and pattern.startswith("(?", position) and not pattern.startswith("(?:", position):
            named = _NAMED(pattern, position)
            if named is None:
                raise PatternError(f"the pattern {pattern!r} has flags inside or looks around; write it without")
            out.append("(" if end == "$" else named.group().replace("(?<", "(?P<"))
            position = named.end() - 1
        elif char == "$" and not in_class:
            out.append(end)
        else:
            in_class = char == "[" or (in_class and char != "]")
            out.append(char)
        position += 1
    return "".join(out)


def _posix(pattern: str, name: str) -> str:
    if name not in _POSIX:
        raise PatternError(f"the pattern {pattern!r} has the class [:{name}:]; write its characters out")
    return _POSIX[name]


def _escape(pattern: str, position: int, in_class: bool) -> tuple[int, str]:
    """How many characters an escape takes, and what it becomes."""
    char = pattern[position : position + 1]
    if char in _CLASSES:
        return 1, _CLASSES[char] if in_class else f"[{_CLASSES[char]}]"
    if char.lower() in _CLASSES and not in_class:
        return 1, f"[^{_CLASSES[char.lower()]}]"
    if _HEX(pattern, position):
        return 3, "\\" + pattern[position : position + 3]
    if char in ("A", "z") and char and not in_class:
        return 1, "^" if char == "A" else r"\Z"
    if char and char in _PLAIN_ESCAPES:
        return 1, char if char == "_" else "\\" + char
    raise PatternError(f"the pattern {pattern!r} has the escape \\{char}, which can't be translated; write it out")
