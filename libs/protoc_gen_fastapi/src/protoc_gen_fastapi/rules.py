"""Field rules of buf.validate and of protoc-gen-validate: each as a Python expression, a sentence and a JSON Schema."""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from protoc_gen_fastapi import wording
from protoc_gen_fastapi.known import nanos
from protoc_gen_fastapi.patterns import PatternError, matches, portable
from protoc_gen_fastapi.writer import quoted

# Stands for the value in an expression. Literals escape it, so no text that a rule names can hold it.
V = "\0"


@dataclass(frozen=True)
class Constraint:
    """One rule of one value.

    `broken` is a Python expression with V where the value belongs; `schema` is what JSON Schema says for the same rule.
    `zero_holds` tells whether a field that was not sent keeps the rule.
    """

    broken: str
    text: str
    schema: Mapping[str, Any] = field(default_factory=dict[str, Any])
    zero_holds: bool = True

    def __call__(self, value: str) -> str:
        return self.broken.replace(V, value)


@dataclass
class Rules:
    """All rules of one field, and the examples that documentation shows."""

    constraints: list[Constraint] = field(default_factory=list[Constraint])
    examples: list[Any] = field(default_factory=list[Any])
    required: bool = False
    unless_zero: bool = False
    is_skipped: bool = False
    items: "Rules | None" = None
    keys: "Rules | None" = None
    values: "Rules | None" = None

    @property
    def zero_holds(self) -> bool:
        return self.unless_zero or all(c.zero_holds for c in self.constraints)

    @property
    def is_empty(self) -> bool:
        inner = (self.items, self.keys, self.values)
        return not (self.constraints or self.required) and all(rules is None or rules.is_empty for rules in inner)


class RuleError(Exception):
    """A rule that would not be enforced; the message says what to do."""


Vocabulary = Mapping[str, Callable[[Any], Constraint]]


def read_rules(given: Any, names: Mapping[int, str] | None = None) -> Rules:
    """Reads a FieldRules message of either kind. `names` are the names of an enum's numbers.

    Raises RuleError for a rule that would not be enforced.
    """
    result = Rules()
    for rule, value in given.ListFields():
        if rule.name == "required":
            result.required |= bool(value)
        elif rule.name == "ignore":
            _read_ignore(rule.enum_type.values_by_number[value].name, result)
        elif rule.name in _TYPED:
            _read_typed(rule.name, value, result, names)
        else:
            raise RuleError(f"the rule {rule.name!r} is not supported; check it in the service and take it away here")
    if result.is_skipped:
        return Rules(examples=result.examples, is_skipped=True)
    return result


def _read_ignore(how: str, result: Rules) -> None:
    if how in ("IGNORE_ALWAYS",):
        result.is_skipped = True
    elif how in ("IGNORE_IF_ZERO_VALUE", "IGNORE_EMPTY", "IGNORE_IF_UNPOPULATED", "IGNORE_IF_DEFAULT_VALUE"):
        result.unless_zero = True
    elif how != "IGNORE_UNSPECIFIED":
        raise RuleError(f"the rule 'ignore' with {how} is not supported")


def _read_typed(kind: str, typed: Any, result: Rules, names: Mapping[int, str] | None) -> None:
    known = _TYPED[kind]
    found = {rule.name: value for rule, value in typed.ListFields()}
    result.examples += found.pop("example", ())
    result.unless_zero |= bool(found.pop("ignore_empty", False))
    result.required |= bool(found.pop("required", False))
    result.is_skipped |= bool(found.pop("skip", False))
    found.pop("strict", None)  # whether HTTP_HEADER_NAME and _VALUE are strict; here they always are
    found.pop("no_sparse", None)  # a map of messages has no unset values
    for name in ("items", "keys", "values"):
        if name in found:
            setattr(result, name, read_rules(found.pop(name), names))
    result.constraints += _outside(kind, found)
    for name, value in found.items():
        if name == "defined_only":
            result.constraints += [_defined(names or {})] if value else []
        elif name not in known:
            raise RuleError(f"the rule {kind}.{name} is not supported; check it in the service and take it away here")
        elif value is not False:
            result.constraints.append(known[name](value))


def _outside(kind: str, found: dict[str, Any]) -> list[Constraint]:
    """A lower bound above the upper one means "outside of": those two are taken out of `found`."""
    low = next((name for name in ("gt", "gte") if name in found), None)
    high = next((name for name in ("lt", "lte") if name in found), None)
    if low is None or high is None or _comparable(kind, found[low]) < _comparable(kind, found[high]):
        return []
    if low == "gte" and high == "lte" and _comparable(kind, found[low]) == _comparable(kind, found[high]):
        return []  # exactly this value
    one, other = _TYPED[kind][low](found.pop(low)), _TYPED[kind][high](found.pop(high))
    text = f"{one.text} or {other.text.removeprefix('must be ')}"
    return [Constraint(f"({one.broken}) and ({other.broken})", text, {}, one.zero_holds or other.zero_holds)]


def _comparable(kind: str, value: Any) -> Any:
    return nanos(value) if kind in ("duration", "timestamp") else value


def _const(show: Callable[[Any], str], literal: Callable[[Any], str] = repr) -> Callable[[Any], Constraint]:
    return lambda c: Constraint(f"{V} != {literal(c)}", wording.equal(show(c)), _shown("const", c), not c)


def _in(show: Callable[[Any], str], literal: Callable[[Any], str] = repr) -> Callable[[Any], Constraint]:
    def one_of(values: Any) -> Constraint:
        listed = list(values)
        text = wording.one_of(", ".join(map(show, listed)))
        zero = type(listed[0])()
        return Constraint(f"{V} not in {_tuple(listed, literal)}", text, _shown("enum", listed), zero in listed)

    return one_of


def _not_in(show: Callable[[Any], str], literal: Callable[[Any], str] = repr) -> Callable[[Any], Constraint]:
    def none_of(values: Any) -> Constraint:
        listed = list(values)
        text = wording.none_of(", ".join(map(show, listed)))
        zero = type(listed[0])()
        return Constraint(
            f"{V} in {_tuple(listed, literal)}", text, {"not": _shown("enum", listed)}, zero not in listed
        )

    return none_of


def _shown(keyword: str, value: Any) -> dict[str, Any]:
    """A part of a schema; nothing where JSON has no word for a number in it."""
    try:
        json.dumps(value, allow_nan=False)
    except ValueError:
        return {}
    return {keyword: value}


def _tuple(values: list[Any], literal: Callable[[Any], str]) -> str:
    return "(" + "".join(f"{literal(value)}, " for value in values).rstrip() + ")"


def _defined(names: Mapping[int, str]) -> Constraint:
    text = wording.one_of(", ".join(names.values()))
    return Constraint(f"{V} not in {_tuple(sorted(names), repr)}", text, {}, 0 in names)


def _bound(operator: str, tell: Callable[[object], str], keyword: str, holds: Callable[[Any], bool]) -> Any:
    def constraint(n: Any) -> Constraint:
        schema = {keyword: n} if math.isfinite(n) else {}
        return Constraint(f"not {V} {operator} {_number(n)}", tell(n), schema, holds(n))

    return constraint


def _number(value: float) -> str:
    """A number as Python writes it."""
    return repr(value) if math.isfinite(value) else f'float("{value}")'


def _numbers() -> Vocabulary:
    # "not v > n" and never "v <= n", so that what is not a number breaks every bound.
    return {
        "gt": _bound(">", wording.greater_than, "exclusiveMinimum", lambda n: n < 0),
        "gte": _bound(">=", wording.at_least, "minimum", lambda n: n <= 0),
        "lt": _bound("<", wording.less_than, "exclusiveMaximum", lambda n: n > 0),
        "lte": _bound("<=", wording.at_most, "maximum", lambda n: n >= 0),
        "const": _const(str, _number),
        "in": _in(str, _number),
        "not_in": _not_in(str, _number),
        "finite": lambda _: Constraint(f"not _rt.is_finite({V})", "must be a number"),
    }


def _pattern(pattern: str) -> Constraint:
    try:
        holds = matches(pattern, "")
    except PatternError as error:
        raise RuleError(f"the pattern {pattern!r} is none of RE2: {error}") from None
    shown = portable(pattern)
    schema = {"pattern": shown} if shown is not None else {}
    return Constraint(f"not _rt.matches({quoted(pattern)}, {V})", wording.match(shown or pattern), schema, holds)


def _known_pattern(number: int) -> Constraint:
    kind = {1: "header_name", 2: "header_value"}.get(number)
    if kind is None:
        raise RuleError("the rule well_known_regex of this number is not supported")
    return Constraint(f"not _rt.is_{kind}({V})", f"must be an HTTP {kind.replace('_', ' ')}", {}, number == 2)


def _format(name: str, noun: str, schema: str | None = None) -> Callable[[Any], Constraint]:
    shown = {"format": schema} if schema else {}
    return lambda _: Constraint(f"not _rt.is_{name}({V})", f"must be {noun}", shown, False)


def _text(value: str) -> str:
    return quoted(value)


_STRING: Vocabulary = {
    "const": _const(_text, quoted),
    "len": lambda n: Constraint(f"len({V}) != {n}", wording.exactly_characters(n), _sizes("Length", n, n), n == 0),
    "min_len": lambda n: Constraint(f"len({V}) < {n}", wording.min_characters(n), {"minLength": n}, n == 0),
    "max_len": lambda n: Constraint(f"len({V}) > {n}", wording.max_characters(n), {"maxLength": n}),
    "len_bytes": lambda n: Constraint(f"len({V}.encode()) != {n}", wording.exactly_bytes(n), {}, n == 0),
    "min_bytes": lambda n: Constraint(f"len({V}.encode()) < {n}", wording.min_bytes(n), {}, n == 0),
    "max_bytes": lambda n: Constraint(f"len({V}.encode()) > {n}", wording.max_bytes(n)),
    "pattern": _pattern,
    "prefix": lambda s: Constraint(f"not {V}.startswith({quoted(s)})", wording.begin_with(_text(s)), {}, not s),
    "suffix": lambda s: Constraint(f"not {V}.endswith({quoted(s)})", wording.end_with(_text(s)), {}, not s),
    "contains": lambda s: Constraint(f"{quoted(s)} not in {V}", wording.contain(_text(s)), {}, not s),
    "not_contains": lambda s: Constraint(f"{quoted(s)} in {V}", wording.not_contain(_text(s)), {}, bool(s)),
    "in": _in(_text, quoted),
    "not_in": _not_in(_text, quoted),
    "email": _format("email", "an e-mail address", "email"),
    "hostname": _format("hostname", "a host name", "hostname"),
    "ip": _format("ip", "an IP address"),
    "ipv4": _format("ipv4", "an IPv4 address", "ipv4"),
    "ipv6": _format("ipv6", "an IPv6 address", "ipv6"),
    "uri": _format("uri", "a URI", "uri"),
    "uri_ref": _format("uri_ref", "a URI or a relative reference", "uri-reference"),
    "address": _format("address", "a host name or an IP address"),
    "uuid": _format("uuid", "a UUID", "uuid"),
    "tuuid": _format("tuuid", "a UUID without dashes"),
    "ip_with_prefixlen": _format("ip_with_prefix", "an IP address with the length of its prefix"),
    "ipv4_with_prefixlen": _format("ipv4_with_prefix", "an IPv4 address with the length of its prefix"),
    "ipv6_with_prefixlen": _format("ipv6_with_prefix", "an IPv6 address with the length of its prefix"),
    "ip_prefix": _format("ip_prefix", "an IP prefix"),
    "ipv4_prefix": _format("ipv4_prefix", "an IPv4 prefix"),
    "ipv6_prefix": _format("ipv6_prefix", "an IPv6 prefix"),
    "host_and_port": _format("host_and_port", "a host and a port"),
    "well_known_regex": _known_pattern,
}


def _sizes(what: str, low: int, high: int) -> dict[str, int]:
    return {f"min{what}": low, f"max{what}": high}


def _hex(value: bytes) -> str:
    return value.hex(" ")


_BYTES: Vocabulary = {
    "const": lambda b: Constraint(f"{V} != {b!r}", wording.equal(_hex(b)), {}, not b),
    "len": lambda n: Constraint(f"len({V}) != {n}", wording.exactly_bytes(n), {}, n == 0),
    "min_len": lambda n: Constraint(f"len({V}) < {n}", wording.min_bytes(n), {}, n == 0),
    "max_len": lambda n: Constraint(f"len({V}) > {n}", wording.max_bytes(n)),
    "prefix": lambda b: Constraint(f"not {V}.startswith({b!r})", wording.begin_with(_hex(b)), {}, not b),
    "suffix": lambda b: Constraint(f"not {V}.endswith({b!r})", wording.end_with(_hex(b)), {}, not b),
    "contains": lambda b: Constraint(f"{b!r} not in {V}", wording.contain(_hex(b)), {}, not b),
    "in": lambda values: Constraint(f"{V} not in {_tuple(list(values), repr)}", "must be one of those allowed"),
    "not_in": lambda values: Constraint(f"{V} in {_tuple(list(values), repr)}", "must be none of those forbidden"),
    "ip": lambda _: Constraint(f"len({V}) not in (4, 16)", "must be the bytes of an IP address", {}, False),
    "ipv4": lambda _: Constraint(f"len({V}) != 4", "must be the bytes of an IPv4 address", {}, False),
    "ipv6": lambda _: Constraint(f"len({V}) != 16", "must be the bytes of an IPv6 address", {}, False),
    "uuid": lambda _: Constraint(f"len({V}) != 16", "must be the bytes of a UUID", {}, False),
}
_REPEATED: Vocabulary = {
    "min_items": lambda n: Constraint(f"len({V}) < {n}", wording.min_items(n), {"minItems": n}, n == 0),
    "max_items": lambda n: Constraint(f"len({V}) > {n}", wording.max_items(n), {"maxItems": n}),
    "unique": lambda _: Constraint(f"_rt.has_twins({V})", "must hold nothing twice", {"uniqueItems": True}),
}
_MAP: Vocabulary = {
    "min_pairs": lambda n: Constraint(f"len({V}) < {n}", wording.min_items(n), {"minProperties": n}, n == 0),
    "max_pairs": lambda n: Constraint(f"len({V}) > {n}", wording.max_items(n), {"maxProperties": n}),
}


def _moments(show: Callable[[Any], str]) -> dict[str, Callable[[Any], Constraint]]:
    def compared(operator: str, tell: Callable[[object], str]) -> Callable[[Any], Constraint]:
        return lambda t: Constraint(f"not _rt.nanos({V}) {operator} {nanos(t)}", tell(show(t)))

    def listed(values: Any) -> str:
        return ", ".join(map(show, values))

    def numbers(values: Any) -> str:
        return _tuple([nanos(value) for value in values], repr)

    return {
        "const": compared("==", wording.equal),
        "gt": compared(">", wording.greater_than),
        "gte": compared(">=", wording.at_least),
        "lt": compared("<", wording.less_than),
        "lte": compared("<=", wording.at_most),
        "in": lambda v: Constraint(f"_rt.nanos({V}) not in {numbers(v)}", wording.one_of(listed(v))),
        "not_in": lambda v: Constraint(f"_rt.nanos({V}) in {numbers(v)}", wording.none_of(listed(v))),
        "lt_now": lambda _: Constraint(f"_rt.nanos({V}) >= _rt.now()", "must be in the past"),
        "gt_now": lambda _: Constraint(f"_rt.nanos({V}) <= _rt.now()", "must be in the future"),
        "within": lambda d: Constraint(
            f"abs(_rt.nanos({V}) - _rt.now()) > {nanos(d)}", f"must be within {_seconds(d)} of now"
        ),
    }


def _seconds(value: Any) -> str:
    return f"{nanos(value) / 1e9:g} s"


_ANY: Vocabulary = {
    "in": lambda v: Constraint(f"{V}.type_url not in {_tuple(list(v), quoted)}", wording.one_of(", ".join(v))),
    "not_in": lambda v: Constraint(f"{V}.type_url in {_tuple(list(v), quoted)}", wording.none_of(", ".join(v))),
}
_BOOL: Vocabulary = {"const": _const(lambda b: "true" if b else "false")}
_ENUM: Vocabulary = {
    name: (lambda v, make=make: _without_schema(make(v)))
    for name, make in {"const": _const(str), "in": _in(str), "not_in": _not_in(str)}.items()
}


def _without_schema(constraint: Constraint) -> Constraint:
    return Constraint(constraint.broken, constraint.text, {}, constraint.zero_holds)


_INTEGERS = "int32 int64 uint32 uint64 sint32 sint64 fixed32 fixed64 sfixed32 sfixed64 float double"
_TYPED: Mapping[str, Vocabulary] = {
    **dict.fromkeys(_INTEGERS.split(), _numbers()),
    "string": _STRING,
    "bytes": _BYTES,
    "bool": _BOOL,
    "enum": _ENUM,
    "repeated": _REPEATED,
    "map": _MAP,
    "message": {},
    "any": _ANY,
    "duration": _moments(_seconds),
    "timestamp": _moments(lambda t: f"{t.seconds} s after 1970"),
}
