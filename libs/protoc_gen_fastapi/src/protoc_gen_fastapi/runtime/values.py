"""The types of request fields on HTTP: what JSON and query values are taken as, and how a refusal is told."""

import json
import re
from decimal import Decimal, InvalidOperation
from typing import Any, Final, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, GetJsonSchemaHandler, ValidationError
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError

from protoc_gen_fastapi import wording
from protoc_gen_fastapi.runtime.errors import InvalidArgument

_DECIMAL = re.compile(r"-?[0-9]{1,40}(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,4})?").fullmatch
_INEXACT: Final = "inexact_whole_number"
_MOST_DIGITS: Final = 400
_DIGITS = re.compile(r"-?[0-9]{1,20}").fullmatch


class Body(BaseModel):
    """Base of all request models: unknown fields are ignored, null means "not sent"."""

    model_config = ConfigDict(extra="ignore", protected_namespaces=(), hide_input_in_errors=True)

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Tells that a field which need not be sent may be null too."""
        schema = handler.resolve_ref_schema(handler(core_schema))
        required = schema.get("required", ())
        for name, prop in schema.get("properties", {}).items():
            if name not in required:
                _allow_null(prop)
        return schema


class Reply(BaseModel):
    """Base of the models that describe replies. Replies are written by encoders, never by these."""

    model_config = ConfigDict(protected_namespaces=())


def _allow_null(prop: dict[str, Any]) -> None:
    if isinstance(prop.get("type"), str):
        prop["type"] = [prop["type"], "null"]


def _whole_number(value: object) -> object:
    if type(value) is int:
        return value
    if value is None:
        return 0
    if type(value) is str and _DIGITS(value):
        return int(value)
    if type(value) is float:
        raise PydanticCustomError(_INEXACT, "must be a whole number")
    # larger exponents would make a number of as many digits
    if type(value) is Decimal and value.adjusted() < _MOST_DIGITS and value == value.to_integral_value():
        return int(value)
    raise PydanticCustomError("whole_number", "must be a whole number")


def _number(value: object) -> object:
    if value is None:
        return 0.0
    if isinstance(value, str) and _DECIMAL(value):
        return float(value)
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        raise PydanticCustomError("number", "must be a number")
    return float(value) if isinstance(value, Decimal) else value


def _truth(value: object) -> object:
    return False if value is None else value


def _text(value: object) -> object:
    return "" if value is None else value


def _items(value: object) -> object:
    return [] if value is None else value


class _Format:
    """Names the format of a whole number in OpenAPI: generated clients make one of 32 bits of it otherwise."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get_pydantic_json_schema__(self, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return handler(core_schema) | {"format": self._name}


INT32: Final = _Format("int32")
UINT32: Final = _Format("uint32")
INT64: Final = _Format("int64")
UINT64: Final = _Format("uint64")
WHOLE_NUMBER: Final = BeforeValidator(_whole_number)
NUMBER: Final = BeforeValidator(_number)
TRUTH: Final = BeforeValidator(_truth)
TEXT: Final = BeforeValidator(_text)
ITEMS: Final = BeforeValidator(_items)


def is_inexact(error: ValidationError) -> bool:
    """True where a whole number came as a float: then it is not known which number was sent."""
    return any(e["type"] == _INEXACT for e in error.errors(include_url=False, include_input=False))


def exact_object(body: bytes) -> dict[str, Any]:
    """The JSON object that a body is, with every fraction as a Decimal. Raises InvalidArgument."""
    try:
        return cast("dict[str, Any]", json.loads(body, parse_float=Decimal))
    except (ValueError, InvalidOperation, RecursionError):  # thousands of digits, hundreds of levels
        raise InvalidArgument("body", "has a number that is too long") from None


def refusal(error: ValidationError) -> InvalidArgument:
    """What a caller is told: the first field that is wrong, as params.columns[0].name, and why."""
    first = error.errors(include_url=False, include_input=False)[0]
    field = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"])
    problem = _problem(first["type"], first.get("ctx", {}), first["msg"])
    return InvalidArgument(field.removeprefix(".") or "body", problem)


def _problem(kind: str, context: dict[str, Any], message: str) -> str:
    if kind in _BOUNDS:
        key, tell = _BOUNDS[kind]
        return tell(context[key])
    return _KINDS.get(kind, message)


_BOUNDS: dict[str, tuple[str, Any]] = {
    "greater_than": ("gt", wording.greater_than),
    "greater_than_equal": ("ge", wording.at_least),
    "less_than": ("lt", wording.less_than),
    "less_than_equal": ("le", wording.at_most),
    "string_too_short": ("min_length", wording.min_characters),
    "string_too_long": ("max_length", wording.max_characters),
    "string_pattern_mismatch": ("pattern", wording.match),
    "too_short": ("min_length", wording.min_items),
    "too_long": ("max_length", wording.max_items),
}
_KINDS = {
    "missing": wording.REQUIRED,
    "string_type": "must be a string",
    "bool_type": "must be true or false",
    "list_type": "must be a list",
    "finite_number": "must be a number",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
}
