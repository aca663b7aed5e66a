"""From JSON to messages: each message type has a shape, made once from its descriptor, that fills in its fields.

What JSON may look like: names as in the .proto or in lowerCamelCase, null for "not sent", whole numbers as text, enums
by name or number, bytes in base64, known messages (Timestamp, Struct, ...) in their own form.
"""

import base64
import binascii
import math
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final, cast

from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.message import Message

from protoc_gen_fastapi import wording
from protoc_gen_fastapi.known import FORMS, WRAPPERS
from protoc_gen_fastapi.runtime.errors import InvalidArgument

F = FieldDescriptor
Fill = Callable[[Any, Any, str], None]
"""(message, value, where the message is) -> fills one field in; raises InvalidArgument naming it."""
Convert = Callable[[Any], Any]
"""A JSON value -> what protobuf takes; raises WrongValue."""
Hint = Mapping[str, Any]
RANGES: Final[Mapping[int, tuple[int, int]]] = {
    **dict.fromkeys((F.TYPE_INT32, F.TYPE_SINT32, F.TYPE_SFIXED32), (-(2**31), 2**31 - 1)),
    **dict.fromkeys((F.TYPE_UINT32, F.TYPE_FIXED32), (0, 2**32 - 1)),
    **dict.fromkeys((F.TYPE_INT64, F.TYPE_SINT64, F.TYPE_SFIXED64), (-(2**63), 2**63 - 1)),
    **dict.fromkeys((F.TYPE_UINT64, F.TYPE_FIXED64), (0, 2**64 - 1)),
}
# Half-way between the largest float of 32 bits and what would be the next: from here on it is rounded to infinity.
BEYOND_SINGLE: Final = 3.4028235677973366e38
MOST_DEEP: Final = 100
_DIGITS: Final = re.compile(r"-?[0-9]{1,20}").fullmatch
_DECIMAL: Final = re.compile(r"-?[0-9]{1,40}(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,4})?").fullmatch
# json_format takes more than the specification does: blanks, underscores, offsets of a hundred hours.
_EXACT: Final[Mapping[str, Callable[[str], object]]] = {
    "google.protobuf.Timestamp": re.compile(
        r"[0-9]{4}(-[0-9]{2}){2}T[0-9]{2}(:[0-9]{2}){2}(\.[0-9]{1,9})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
    ).fullmatch,
    "google.protobuf.Duration": re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,9})?s").fullmatch,
}
_BASE64: Final = re.compile(r"[A-Za-z0-9+/_-]*={0,2}").fullmatch
_NO_NUMBERS: Final = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_MOST_DIGITS: Final = 400


class WrongValue(Exception):  # noqa: N818 - never leaves this package
    """A value that a field does not take; says why."""


class Inexact(Exception):  # noqa: N818 - never leaves this package
    """A whole number came as a float: then it is not known which number was sent."""


class Shape:
    """What fills the fields of one message type in."""

    __slots__ = ("_fill", "names")

    def __init__(self, fill: dict[str, Fill], names: Mapping[str, FieldDescriptor]) -> None:
        self._fill = fill
        self.names = names
        """The fields by every name that JSON may use."""

    def fill(self, message: Message, values: Mapping[str, Any], where: str = "") -> None:
        """Fills in what is sent; what is not known is ignored. Raises InvalidArgument naming the field that is wrong,
        and Inexact.
        """
        known = self._fill
        for name, value in values.items():
            fill = known.get(name)
            if fill is not None:
                fill(message, value, where)


class Shapes:
    """The shapes of messages, with the bounds that rules set. `hints` is what OpenAPI shows of the fields."""

    def __init__(self, hints: Mapping[str, Mapping[str, Hint]], *, takes_no_numbers: bool) -> None:
        self._hints = hints
        self._takes_no_numbers = takes_no_numbers
        self._made: dict[str, Shape] = {}

    def of(self, descriptor: Descriptor) -> Shape:
        """The shape of a message type. It may hold itself."""
        found = self._made.get(descriptor.full_name)
        if found is None:
            fill: dict[str, Fill] = {}
            names: dict[str, FieldDescriptor] = {}
            found = self._made[descriptor.full_name] = Shape(fill, names)
            hints = self._hints.get(descriptor.full_name, {})
            fill_of: dict[str, Fill] = {}
            for field in descriptor.fields:
                fill_of[field.name] = self._field(field, hints.get(field.name, {}))
                fill[field.name], names[field.name] = fill_of[field.name], field
            for field in descriptor.fields:  # where two fields claim a name, it is JSON's
                fill[field.json_name], names[field.json_name] = fill_of[field.name], field
        return found

    def _field(self, field: FieldDescriptor, hint: Hint) -> Fill:
        inner = field.message_type
        if field.is_repeated:
            if inner is not None and inner.GetOptions().map_entry:
                return self._map(field, inner, hint)
            return self._list(field, hint)
        return _scalar(field, self.convert(field, hint)) if inner is None else self._message(field, inner)

    def _message(self, field: FieldDescriptor, inner: Descriptor) -> Fill:
        name, fill_in = field.name, self._into(inner)
        takes_null = inner.full_name == "google.protobuf.Value"

        def fill(message: Any, value: Any, where: str) -> None:
            if value is not None or takes_null:
                one = _choose(message, field, where)
                one.SetInParent()
                fill_in(one, value, where + name)

        return fill

    def _list(self, field: FieldDescriptor, hint: Hint) -> Fill:
        name, most = field.name, hint.get("maxItems")
        add = self._adding(field, hint)

        def fill(message: Any, value: Any, where: str) -> None:
            if value is None:
                return
            if not isinstance(value, list):
                raise InvalidArgument(where + name, "must be a list")
            given = cast("list[Any]", value)
            if most is not None and len(given) > most:
                raise InvalidArgument(where + name, wording.max_items(most))  # before the work of reading them
            items = getattr(message, name)
            for index, item in enumerate(given):
                add(items, item, f"{where}{name}[{index}]")

        return fill

    def _adding(self, field: FieldDescriptor, hint: Hint) -> Fill:
        """What adds one item to a list."""
        if field.message_type is not None:
            fill_in = self._into(field.message_type)
            return lambda items, item, at: fill_in(items.add(), item, at)
        convert = self.convert(field, hint.get("items", {}))
        return lambda items, item, at: items.append(_converted(convert, item, at))

    def _map(self, field: FieldDescriptor, entry: Descriptor, hint: Hint) -> Fill:
        name, keys = field.name, entry.fields_by_name["key"]
        convert_key = self.convert(keys, hint.get("propertyNames", {}))
        put = self._putting(entry.fields_by_name["value"], hint)

        def fill(message: Any, value: Any, where: str) -> None:
            if value is None:
                return
            if not isinstance(value, dict):
                raise InvalidArgument(where + name, "must be an object")
            pairs = getattr(message, name)
            for text, item in cast("dict[str, Any]", value).items():
                at = f"{where}{name}[{text}]"
                key = _converted(convert_key, _TRUTHS.get(text, text) if keys.type == F.TYPE_BOOL else text, at)
                if key in pairs:
                    raise InvalidArgument(at, "is written twice")
                put(pairs, key, item, at)

        return fill

    def _putting(self, field: FieldDescriptor, hint: Hint) -> Callable[[Any, Any, Any, str], None]:
        """What puts one value into a map."""
        if field.message_type is not None:
            fill_in = self._into(field.message_type)
            return lambda pairs, key, item, at: fill_in(pairs[key], item, at)
        convert = self.convert(field, hint.get("additionalProperties", {}))

        def put(pairs: Any, key: Any, item: Any, at: str) -> None:
            pairs[key] = _converted(convert, item, at)

        return put

    def _into(self, inner: Descriptor) -> Fill:
        """What fills a message in, wherever it stands; `where` names it."""
        if inner.full_name in WRAPPERS:
            convert = self.convert(inner.fields_by_name["value"], {})

            def fill_wrapper(message: Any, value: Any, where: str) -> None:
                message.value = _converted(convert, value, where)

            return fill_wrapper
        if inner.full_name in FORMS:
            return lambda message, value, where: _parse_known(message, inner, value, where)
        made, of = self._made, self.of

        def fill(message: Any, value: Any, where: str) -> None:
            if not isinstance(value, dict):
                raise InvalidArgument(where, "must be an object")
            shape = made.get(inner.full_name) or of(inner)
            shape.fill(message, cast("dict[str, Any]", value), _deeper(where))

        return fill

    def convert(self, field: FieldDescriptor, hint: Hint) -> Convert:
        """What makes a value of a field that is no message."""
        kind = field.type
        if kind in RANGES:
            return _whole_number(*RANGES[kind], hint)
        if kind in (F.TYPE_DOUBLE, F.TYPE_FLOAT):
            return _number(is_single=kind == F.TYPE_FLOAT, takes_no_numbers=self._takes_no_numbers)
        if kind == F.TYPE_ENUM:
            assert field.enum_type is not None  # noqa: S101 - of this type
            return _enum(field.enum_type)
        return {F.TYPE_STRING: _text, F.TYPE_BOOL: _truth, F.TYPE_BYTES: _bytes}[kind]


_TRUTHS: Final = {"true": True, "false": False}


def _scalar(field: FieldDescriptor, convert: Convert) -> Fill:
    name = field.name
    takes_null = field.enum_type is not None and field.enum_type.full_name == "google.protobuf.NullValue"
    in_oneof = field.containing_oneof is not None

    def fill(message: Any, value: Any, where: str) -> None:
        if value is None and not takes_null:
            return
        try:
            converted = convert(value)
        except WrongValue as error:
            raise InvalidArgument(where + name, str(error)) from None
        if in_oneof:
            _choose(message, field, where)
        setattr(message, name, converted)

    return fill


def _choose(message: Any, field: FieldDescriptor, where: str) -> Any:
    """The field of a message, when no other member of its oneof is set."""
    oneof = field.containing_oneof
    if oneof is not None:
        other = message.WhichOneof(oneof.name)
        if other is not None and other != field.name:
            raise InvalidArgument(where + field.name, f"can't be sent together with {other}")
    return getattr(message, field.name)


def _parse_known(message: Any, kind: Descriptor, value: Any, where: str) -> None:
    exact = _EXACT.get(kind.full_name)
    try:
        if exact is not None and not (isinstance(value, str) and exact(value)):
            raise ValueError(value)
        json_format.ParseDict(_undecimal(value), message)
    except (json_format.ParseError, ValueError, TypeError, RecursionError, AttributeError, KeyError):
        raise InvalidArgument(where, FORMS[kind.full_name]) from None


def _undecimal(value: Any) -> Any:
    """The value with floats again, where it was read digit by digit."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, list):
        return [_undecimal(item) for item in cast("list[Any]", value)]
    if isinstance(value, dict):
        return {key: _undecimal(item) for key, item in cast("dict[str, Any]", value).items()}
    return value


def _converted(convert: Convert, value: Any, where: str) -> Any:
    try:
        return convert(value)
    except WrongValue as error:
        raise InvalidArgument(where, str(error)) from None


def _deeper(where: str) -> str:
    if where.count(".") >= MOST_DEEP:
        raise InvalidArgument("body", f"is nested deeper than {MOST_DEEP} levels")
    return where + "."


def _whole_number(low: int, high: int, hint: Hint) -> Convert:
    too_low, too_high = _lower(low, hint), _upper(high, hint)

    def convert(value: Any) -> int:
        number = value if type(value) is int else _as_whole(value)
        if low <= number <= high:
            return number
        raise WrongValue(too_low if number < low else too_high)

    return convert


def _lower(low: int, hint: Hint) -> str:
    """What is said of a number below the range of its type: the rule, where there is one."""
    if "exclusiveMinimum" in hint:
        return wording.greater_than(hint["exclusiveMinimum"])
    return wording.at_least(hint.get("minimum", low))


def _upper(high: int, hint: Hint) -> str:
    if "exclusiveMaximum" in hint:
        return wording.less_than(hint["exclusiveMaximum"])
    return wording.at_most(hint.get("maximum", high))


def _as_whole(value: Any) -> int:
    if type(value) is int:
        return value
    if type(value) is str and _DIGITS(value):
        return int(value)
    if type(value) is float:
        raise Inexact
    # larger exponents would make a number of as many digits
    if type(value) is Decimal and value.adjusted() < _MOST_DIGITS and value == value.to_integral_value():
        return int(value)
    raise WrongValue("must be a whole number")


def _number(*, is_single: bool, takes_no_numbers: bool) -> Convert:
    def convert(value: Any) -> float:
        if type(value) is str:
            if takes_no_numbers and value in _NO_NUMBERS:
                return _NO_NUMBERS[value]
            if not _DECIMAL(value):
                raise WrongValue("must be a number")
        elif type(value) not in (int, float, Decimal):
            raise WrongValue("must be a number")
        try:
            number = float(value)
        except OverflowError:
            raise WrongValue("must be a number") from None
        if not math.isfinite(number):
            raise WrongValue("must be a number")
        if is_single and abs(number) >= BEYOND_SINGLE:
            raise WrongValue("must be a number that 32 bits hold, at most 3.4028235e+38")
        return number

    return convert


def _text(value: Any) -> str:
    if type(value) is not str:
        raise WrongValue("must be a string")
    return value


def _truth(value: Any) -> bool:
    if type(value) is not bool:
        raise WrongValue("must be true or false")
    return value


def _bytes(value: Any) -> bytes:
    if type(value) is not str or not _BASE64(value):
        raise WrongValue("must be a string in base64")
    try:
        raw = value.replace("-", "+").replace("_", "/").rstrip("=")
        return base64.b64decode(raw + "=" * (-len(raw) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise WrongValue("must be a string in base64") from None


def _enum(enum: EnumDescriptor) -> Convert:
    by_name = {value.name: value.number for value in enum.values}
    numbers = frozenset(by_name.values())
    told = wording.one_of(", ".join(by_name))

    def convert(value: Any) -> int:
        if value is None and enum.full_name == "google.protobuf.NullValue":
            return 0
        if type(value) is str and value in by_name:
            return by_name[value]
        try:
            number = _as_whole(value)
        except WrongValue:
            raise WrongValue(told) from None
        if number in numbers or (not enum.is_closed and -(2**31) <= number < 2**31):
            return number
        raise WrongValue(told)

    return convert
