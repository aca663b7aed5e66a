"""Field rules in the vocabulary of buf.validate: each as a Python expression, a pydantic argument and a sentence."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from protoc_gen_fastapi import wording
from protoc_gen_fastapi.names import GenerationError
from protoc_gen_fastapi.patterns import for_python, portable


@dataclass(frozen=True)
class Constraint:
    """One rule of one field.

    `broken` is a Python expression with {v} for the value; `argument` is the name of pydantic's argument for the same
    rule, `bound` its value. `zero_holds` tells whether a field that was not sent keeps the rule.
    """

    broken: str
    text: str
    argument: str
    bound: Any
    zero_holds: bool


@dataclass
class Rules:
    """All rules of one field, and the example that documentation shows."""

    constraints: list[Constraint] = field(default_factory=list[Constraint])
    example: Any = None
    required: bool = False

    def bounds(self) -> dict[str, Any]:
        return {c.argument: c.bound for c in self.constraints}

    @property
    def zero_holds(self) -> bool:
        return all(c.zero_holds for c in self.constraints)


Vocabulary = dict[str, Callable[[Any], Constraint]]


def _pattern(pattern: str) -> Constraint:
    search = for_python(pattern)
    shown = portable(pattern)
    holds = re.search(search, "") is not None
    return Constraint(f"_re.search({search!r}, {{v}}) is None", wording.match(shown), "pattern", shown, holds)


_NUMBER: Vocabulary = {
    "gt": lambda n: Constraint(f"{{v}} <= {n!r}", wording.greater_than(n), "gt", n, n < 0),
    "gte": lambda n: Constraint(f"{{v}} < {n!r}", wording.at_least(n), "ge", n, n <= 0),
    "lt": lambda n: Constraint(f"{{v}} >= {n!r}", wording.less_than(n), "lt", n, n > 0),
    "lte": lambda n: Constraint(f"{{v}} > {n!r}", wording.at_most(n), "le", n, n >= 0),
}
# Written the other way round, so that what is not a number breaks every bound.
_FLOAT: Vocabulary = {
    "gt": lambda n: Constraint(f"not {{v}} > {n!r}", wording.greater_than(n), "gt", n, n < 0),
    "gte": lambda n: Constraint(f"not {{v}} >= {n!r}", wording.at_least(n), "ge", n, n <= 0),
    "lt": lambda n: Constraint(f"not {{v}} < {n!r}", wording.less_than(n), "lt", n, n > 0),
    "lte": lambda n: Constraint(f"not {{v}} <= {n!r}", wording.at_most(n), "le", n, n >= 0),
}
_STRING: Vocabulary = {
    "min_len": lambda n: Constraint(f"len({{v}}) < {n}", wording.min_characters(n), "min_length", n, n == 0),
    "max_len": lambda n: Constraint(f"len({{v}}) > {n}", wording.max_characters(n), "max_length", n, True),
    "pattern": _pattern,
}
_REPEATED: Vocabulary = {
    "min_items": lambda n: Constraint(f"len({{v}}) < {n}", wording.min_items(n), "min_length", n, n == 0),
    "max_items": lambda n: Constraint(f"len({{v}}) > {n}", wording.max_items(n), "max_length", n, True),
}
_INTEGERS = "int32 int64 uint32 uint64 sint32 sint64 fixed32 fixed64 sfixed32 sfixed64"
_TYPED: dict[str, Vocabulary] = {
    **dict.fromkeys(_INTEGERS.split(), _NUMBER),
    **dict.fromkeys(("float", "double"), _FLOAT),
    "string": _STRING,
    "repeated": _REPEATED,
    "bool": {},
}


def read_rules(rules: Any, where: str) -> Rules:
    """Reads buf.validate.FieldRules. Raises GenerationError for a rule that would not be enforced."""
    result = Rules()
    for rule, value in rules.ListFields():
        if rule.name == "required":
            result.required = bool(value)
        elif rule.name in _TYPED:
            _read_typed(value, _TYPED[rule.name], result, where)
        else:
            raise GenerationError(f"{where}: the rule {rule.name!r} is not supported")
    _check_order(result, where)
    return result


def _read_typed(typed: Any, known: Vocabulary, result: Rules, where: str) -> None:
    for rule, value in typed.ListFields():
        if rule.name == "example":
            result.example = value[0]
        elif rule.name in known:
            result.constraints.append(known[rule.name](value))
        else:
            raise GenerationError(f"{where}: the rule {typed.DESCRIPTOR.name}.{rule.name} is not supported")


def _check_order(rules: Rules, where: str) -> None:
    """In buf.validate a lower bound above the upper one means "outside of"; that is not generated."""
    bounds = rules.bounds()
    low = [bounds[k] for k in ("gt", "ge") if k in bounds]
    high = [bounds[k] for k in ("lt", "le") if k in bounds]
    if low and high and low[0] >= high[0]:
        raise GenerationError(f"{where}: the lower bound must be below the upper one")
