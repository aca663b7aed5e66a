"""Path templates of google.api.http: `/v1/{name=shelves/*}/books/{id}:read`, as a regular expression and as OpenAPI.

The plugin checks templates with this, the runtime matches requests; it needs nothing but Python.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Kind = Literal["literal", "one", "many"]
REST = "(?s:/.*)?"
"""`**` on its own takes no segment, too."""
_FIELD = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*").fullmatch
_LITERAL = re.compile(r"[^{}*/:]+").fullmatch
_RANKS: dict[Kind, int] = {"literal": 0, "one": 1, "many": 2}
_PATTERNS: dict[Kind, str] = {"one": "[^/]+", "many": "(?s:.*)"}


class TemplateError(ValueError):
    """The template is not one; the message says what is wrong."""


@dataclass(frozen=True)
class Segment:
    """One segment: a literal, `*` (one) or `**` (many)."""

    kind: Kind
    text: str = ""

    @property
    def pattern(self) -> str:
        return re.escape(self.text) if self.kind == "literal" else _PATTERNS[self.kind]


@dataclass(frozen=True)
class Variable:
    """A field that stands in the path, "page.size" for an inner one, and the segments that it takes."""

    field: str
    segments: tuple[Segment, ...]


Part = Segment | Variable


@dataclass(frozen=True)
class Template:
    """A parsed template."""

    parts: tuple[Part, ...]
    verb: str

    @property
    def fields(self) -> tuple[str, ...]:
        return tuple(part.field for part in self.parts if isinstance(part, Variable))

    @property
    def parameters(self) -> dict[str, str]:
        """The fields, by names without dots, as web frameworks want them."""
        names: dict[str, str] = {}
        for field in self.fields:
            name = field.replace(".", "__")
            while name in names:
                name += "_"
            names[name] = field
        return names

    @property
    def regex(self) -> "re.Pattern[str]":
        """Matches a whole path; group number n is the field number n of `fields`."""
        inside = "".join(REST if _is_rest(part) else "/" + _pattern(part) for part in self.parts)
        return re.compile((inside or "/") + (re.escape(":" + self.verb) if self.verb else "") + r"\Z")

    @property
    def shown(self) -> str:
        """The path as OpenAPI writes it: {name} whatever its pattern is, `*` and `**` as they are."""
        names = (f"{{{p.field}}}" if isinstance(p, Variable) else p.text or _STARS.get(p.kind, "") for p in self.parts)
        return "/" + "/".join(names) + (f":{self.verb}" if self.verb else "")

    @property
    def rank(self) -> tuple[object, ...]:
        """Sorts templates so that the one that says more comes first: literals before `*` before `**`."""
        kinds = tuple(_RANKS[segment.kind] for segment in self.segments())
        return (kinds.count(_RANKS["many"]), 0 if self.verb else 1, tuple(kinds), -len(kinds))

    @property
    def shape(self) -> str:
        """Equal for two templates that take the same paths."""
        segments = "/".join(s.text or _STARS.get(s.kind, "") for s in self.segments())
        return f"/{segments}:{self.verb}"

    @property
    def is_plain(self) -> bool:
        """True for a path without variables and stars."""
        return all(segment.kind == "literal" for segment in self.segments()) and not self.fields

    def segments(self) -> Iterator[Segment]:
        """All segments, those of variables too."""
        for part in self.parts:
            if isinstance(part, Variable):
                yield from part.segments
            else:
                yield part


_STARS: dict[Kind, str] = {"one": "*", "many": "**"}


def parse(text: str) -> Template:
    """Reads a template. Raises TemplateError."""
    if not text.startswith("/"):
        raise TemplateError('the path must begin with "/"')
    body, verb = _without_verb(text[1:])
    parts = tuple(_parts(body)) if body else ()
    template = Template(parts, verb)
    segments = list(template.segments())
    if any(segment.kind == "many" for segment in segments[:-1]):
        raise TemplateError('"**" must be the last segment')
    if len(set(template.fields)) != len(template.fields):
        raise TemplateError("a field stands in the path twice")
    return template


def _without_verb(body: str) -> tuple[str, str]:
    colon = body.find(":", max(body.rfind("}"), body.rfind("/")) + 1)
    if colon == -1:
        return body, ""
    head, verb = body[:colon], body[colon + 1 :]
    if not all(map(_LITERAL, verb.split(":"))):
        raise TemplateError(f'":{verb}" is no verb')
    return head, verb


def _parts(body: str) -> Iterator[Part]:
    position = 0
    while True:
        end = body.find("}", position) + 1 if body.startswith("{", position) else body.find("/", position)
        if body.startswith("{", position) and end == 0:
            raise TemplateError('"{" is not closed')
        end = len(body) if end == -1 else end
        yield _part(body[position:end])
        if end == len(body):
            return
        if body[end] != "/":
            raise TemplateError(f'"{body[end:]}" stands where "/" belongs')
        position = end + 1
        if position == len(body):
            yield Segment("literal")  # the path ends with "/"
            return


def _part(text: str) -> Part:
    if not text.startswith("{"):
        return _segment(text)
    field, _, pattern = text[1:-1].partition("=")
    if not _FIELD(field):
        raise TemplateError(f"{{{field}}} is not the name of a field")
    return Variable(field, tuple(_segment(piece) for piece in (pattern or "*").split("/")))


def _segment(text: str) -> Segment:
    if text in ("*", "**"):
        return Segment("one" if text == "*" else "many")
    if not _LITERAL(text):
        raise TemplateError(f'"{text}" is no segment of a path' if text else 'there is an empty segment, "//"')
    return Segment("literal", text)


def _is_rest(part: Part) -> bool:
    return isinstance(part, Segment) and part.kind == "many"


def _pattern(part: Part) -> str:
    if isinstance(part, Segment):
        return part.pattern
    return "(" + "/".join(segment.pattern for segment in part.segments) + ")"
