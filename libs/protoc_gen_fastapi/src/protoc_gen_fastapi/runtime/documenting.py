"""What OpenAPI shows of a route: the request with its rules, and every answer. Made from descriptors when asked for."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from pydantic import BaseModel, Field

from protoc_gen_fastapi.known import KNOWN, TEXTS
from protoc_gen_fastapi.runtime.serving import Form, Http, Rpc, Shown
from protoc_gen_fastapi.runtime.shapes import RANGES

F = FieldDescriptor
Schema = dict[str, Any]
Owner = tuple[str, str, str]
"""Message, role and form: what a name in the document stands for."""
_FORMATS: Final[Mapping[tuple[int, int], str]] = {
    (-(2**31), 2**31 - 1): "int32",
    (0, 2**32 - 1): "uint32",
    (-(2**63), 2**63 - 1): "int64",
    (0, 2**64 - 1): "uint64",
}
_LOW, _HIGH = {"minimum", "exclusiveMinimum"}, {"maximum", "exclusiveMaximum"}
_NAMED: Final[Mapping[str, Schema]] = {
    "Timestamp": {"type": "string", "format": "date-time"},
    "Duration": {"type": "string", "examples": ["1.5s"]},
    "FieldMask": {"type": "string", "examples": ["name,price"]},
    "Struct": {"type": "object"},
    "Value": {},
    "ListValue": {"type": "array", "items": {}},
    "Any": {"type": "object", "properties": {"@type": {"type": "string"}}, "additionalProperties": True},
}
_NO_NUMBER: Final = {"type": "string", "enum": ["NaN", "Infinity", "-Infinity"]}
_ERRORS: Final = {
    400: "A field breaks a rule; the message names it",
    404: "There is no such thing",
    409: "Refused; the message says why",
    413: "The body is too large",
    503: "A part of the system does not answer",
    504: "The time is over",
    "default": "Any other error",
}


class ErrorEnvelope(BaseModel):
    """How every error is told."""

    code: int = Field(description="Tells the kind of the error; never 0.", examples=[10001])
    msg: str = Field(description="A sentence for the caller.", examples=["id: must be greater than 0"])
    data: dict[str, Any] = Field(description="Facts about the error; often empty.", examples=[{}])


class Status(BaseModel):
    """How every error is told: google.rpc.Status."""

    code: int = Field(description="The number of the gRPC status.", examples=[3])
    message: str = Field(description="A sentence for the caller.", examples=["id: must be greater than 0"])
    details: list[Any] = Field(description="Always empty.", examples=[[]])


@dataclass(frozen=True)
class Unserved:
    """The rpcs of a service that HTTP can't serve, for the text of its tag."""

    tag: str
    rpcs: tuple[str, ...]

    @property
    def shown(self) -> Schema:
        return {"name": self.tag, "description": f"Over gRPC only: {', '.join(self.rpcs)}."}


@dataclass(frozen=True)
class Documented:
    """One route, as far as OpenAPI tells of it."""

    rpc: Rpc
    http: Http
    shown: Shown
    form: Form
    unserved: Unserved


class Documentation:
    """What OpenAPI shows of all generated routes of an application; messages of one name are told apart."""

    def __init__(self, routes: Iterable[Documented]) -> None:
        listed = list(routes)
        shown: dict[str, Any] = {}
        asked: set[str] = set()
        for route in listed:
            shown |= route.shown
            asked |= _names_within(route.rpc.takes, set())
        self.components: dict[str, Schema] = {}
        owners: dict[str, Owner] = {}
        self._schemas = {
            form: Schemas(shown, asked, self.components, owners, lab=form == "lab") for form in ("lab", "proto")
        }

    def operation(self, route: Documented) -> Schema:
        """Parameters, body and answers of a route."""
        schemas, rpc = self._schemas[route.form.json], route.rpc
        error = self._error(route.form)
        answers = {
            str(status): {"description": text, "content": {"application/json": {"schema": error}}}
            for status, text in _ERRORS.items()
        }
        kind = "text/event-stream" if rpc.streams else "application/json"
        done = {"description": "Done", "content": {kind: {"schema": _answer(route, schemas)}}}
        return {**_request(route, schemas), "responses": {"200": done, **answers}}

    def _error(self, form: Form) -> Schema:
        model: type[BaseModel] = ErrorEnvelope if form.answers == "envelope" else Status
        self.components.setdefault(model.__name__, model.model_json_schema())
        return {"$ref": f"#/components/schemas/{model.__name__}"}


def _names_within(descriptor: Descriptor, found: set[str]) -> set[str]:
    """The names of a message and of all that it holds."""
    if descriptor.full_name not in found:
        found.add(descriptor.full_name)
        for field in descriptor.fields:
            if field.message_type is not None:
                _names_within(field.message_type, found)
    return found


def _answer(route: Documented, schemas: "Schemas") -> Schema:
    descriptor = route.rpc.gives
    data, name = schemas.reply(descriptor), descriptor.name
    if route.http.reply:
        field = descriptor.fields_by_name[route.http.reply]
        data, name = schemas.field(field, request=False), f"{name}_{field.name}"
    if route.form.answers == "plain":
        return data
    name = f"{name[:1].upper()}{name[1:]}Envelope"
    return schemas.envelope(name, descriptor, data)


def _request(route: Documented, schemas: "Schemas") -> Schema:
    http, descriptor = route.http, route.rpc.takes
    shown: Schema = {}
    in_path = frozenset(name for name in http.path_fields if "." not in name)
    parameters = [_parameter(route, schemas, name, "path") for name in http.path_fields]
    if http.body == "*":
        body = schemas.request(descriptor, leave_out=in_path)
        shown["requestBody"] = _body(body, required=schemas.requires(descriptor, in_path))
    elif http.body:
        field = _field_at(descriptor, http.body)
        shown["requestBody"] = _body(schemas.field(field, request=True), required=schemas.is_required(field))
    if http.body != "*":
        left = [f for f in descriptor.fields if f.name not in in_path and f.name != http.body.partition(".")[0]]
        names = [name for name in _query_names(left, "") if name not in http.path_fields]
        parameters += [_parameter(route, schemas, name, "query") for name in names]
    return {**({"parameters": parameters} if parameters else {}), **shown}


def _body(schema: Schema, *, required: bool) -> Schema:
    return {"required": required, "content": {"application/json": {"schema": schema}}}


def _parameter(route: Documented, schemas: "Schemas", name: str, place: str) -> Schema:
    field = _field_at(route.rpc.takes, name)
    schema = schemas.parameter(field)
    described = {"description": schema["description"]} if "description" in schema else {}
    if "examples" in schema:
        # Swagger UI fills a parameter in from `example` only: without it, "Execute" stops at every required one.
        schema = {**schema, "example": schema["examples"][0]}
    required = place == "path" or ("." not in name and schemas.is_required(field))
    return {"name": name, "in": place, "required": required, "schema": schema, **described}


def _query_names(fields: Iterable[FieldDescriptor], lead: str) -> list[str]:
    """The names that a query may have: inner fields with dots, no maps and no lists of messages."""
    names: list[str] = []
    for field in fields:
        inner = field.message_type
        if inner is None or (inner.full_name in TEXTS and not field.is_repeated):
            names.append(lead + field.name)
        elif not field.is_repeated and lead.count(".") < 3:
            names += _query_names(inner.fields, f"{lead}{field.name}.")
    return names


def _field_at(message: Descriptor, name: str) -> FieldDescriptor:
    field = None
    for part in name.split("."):
        field = message.fields_by_name[part]
        message = cast("Descriptor", field.message_type)
    assert field is not None  # noqa: S101 - a name has one part at least
    return field


class Schemas:
    """JSON Schemas of messages, by name. Requests and replies of one message differ in what may be absent and null."""

    def __init__(
        self, shown: Shown, asked: Collection[str], made: dict[str, Schema], owners: dict[str, Owner], *, lab: bool
    ) -> None:
        """`asked` are the messages that are in requests; `made` and `owners` are filled, and shared by all forms."""
        self._shown = shown
        self._asked = asked
        self._lab = lab
        self._made = made
        self._owners = owners

    def text(self, descriptor: Descriptor) -> str:
        """What the .proto says of a message; its name where it says nothing."""
        return self._shown.get(descriptor.full_name, {}).get("", {}).get("description", descriptor.name)

    def _hint(self, field: FieldDescriptor) -> Mapping[str, Any]:
        assert field.containing_type is not None  # noqa: S101 - no extension
        return self._shown.get(field.containing_type.full_name, {}).get(field.name, {})

    def is_required(self, field: FieldDescriptor) -> bool:
        return bool(self._hint(field).get("required"))

    def requires(self, descriptor: Descriptor, leave_out: frozenset[str]) -> bool:
        return any(self.is_required(field) for field in descriptor.fields if field.name not in leave_out)

    def request(self, descriptor: Descriptor, leave_out: frozenset[str] = frozenset()) -> Schema:
        return self._refer(descriptor, f"{descriptor.name}Body" if leave_out else descriptor.name, "request", leave_out)

    def reply(self, descriptor: Descriptor) -> Schema:
        known = self._known(descriptor)
        if known is not None:
            return known
        name = f"{descriptor.name}Reply" if descriptor.full_name in self._asked else descriptor.name
        return self._refer(descriptor, name, "reply", frozenset())

    def parameter(self, field: FieldDescriptor) -> Schema:
        """The schema of a field in the path or the query, where nothing is null."""
        return self.field(field, request=True)

    def envelope(self, name: str, descriptor: Descriptor, data: Schema) -> Schema:
        name = self._name(name, (descriptor.full_name, "envelope", str(self._lab)))
        self._made[name] = {
            "type": "object",
            "title": name,
            "description": self.text(descriptor),
            "properties": {
                "code": {"type": "integer", "const": 0, "description": "0: done."},
                "msg": {"type": "string", "description": "ok", "examples": ["ok"]},
                "data": data,
            },
            "required": ["code", "msg", "data"],
        }
        return {"$ref": f"#/components/schemas/{name}"}

    def _refer(self, descriptor: Descriptor, name: str, role: str, leave_out: frozenset[str]) -> Schema:
        name = self._name(name, (descriptor.full_name, f"{role} {sorted(leave_out)}", str(self._lab)))
        if name not in self._made:
            self._made[name] = {}
            self._made[name].update(self._object(descriptor, name, leave_out, request=role == "request"))
        return {"$ref": f"#/components/schemas/{name}"}

    def _name(self, name: str, owner: Owner) -> str:
        """The name, or a longer one where something else has it."""
        candidates = (name, f"{owner[0].replace('.', '_')}_{name}", *(f"{name}_{n}" for n in range(2, 100)))
        return next(found for found in candidates if self._owners.setdefault(found, owner) == owner)

    def _object(self, descriptor: Descriptor, name: str, leave_out: frozenset[str], *, request: bool) -> Schema:
        fields = [field for field in descriptor.fields if field.name not in leave_out]
        shown = {self._shown_name(field): self._property(field, request=request) for field in fields}
        schema: Schema = {
            "type": "object",
            "title": name,
            "description": self.text(descriptor),
            "properties": shown,
        }
        required = [self._shown_name(f) for f in fields if (self.is_required(f) if request else self._lab)]
        if required:
            schema["required"] = required
        example = self.example(descriptor, leave_out) if request else {}
        if request:
            schema["examples"] = [example]
        return schema

    def _shown_name(self, field: FieldDescriptor) -> str:
        return field.name if self._lab else field.json_name

    def _property(self, field: FieldDescriptor, *, request: bool) -> Schema:
        schema = self.field(field, request=request)
        if request:
            return schema if self.is_required(field) else _or_null(schema, only_types=True)
        absent = field.has_presence and not field.is_repeated and self._lab
        return _or_null(schema, only_types=False) if absent else schema

    def field(self, field: FieldDescriptor, *, request: bool) -> Schema:
        """The schema of a field's value, with its text and rules."""
        hint = {key: value for key, value in self._hint(field).items() if key != "required"}
        inner = field.message_type
        if field.is_repeated and inner is not None and inner.GetOptions().map_entry:
            values = self._one(inner.fields_by_name["value"], {}, request=request)
            schema: Schema = {"type": "object", "additionalProperties": values}
            schema["additionalProperties"] = values | dict(hint.pop("additionalProperties", {}))
            return schema | hint
        if field.is_repeated:
            items = self._one(field, dict(hint.pop("items", {})), request=request)
            examples = hint.pop("examples", None)
            shown = {"examples": [examples]} if examples else {}
            return {"type": "array", "items": items, **hint, **shown}
        return self._one(field, hint, request=request)

    def _one(self, field: FieldDescriptor, hint: Mapping[str, Any], *, request: bool) -> Schema:
        if field.message_type is not None:
            known = self._known(field.message_type)
            if known is not None:
                return {**known, **hint}
            of = self.request if request else self.reply
            return {**of(field.message_type), **hint}
        return {**self._scalar(field, hint, request=request), **hint}

    def _known(self, descriptor: Descriptor) -> Schema | None:
        """The schema of one of protobuf's known messages; None for others."""
        if descriptor.full_name not in KNOWN:
            return None
        if descriptor.name in _NAMED:
            return dict(_NAMED[descriptor.name])
        return _or_null(self._scalar(descriptor.fields_by_name["value"], {}, request=False), only_types=True)

    def _scalar(self, field: FieldDescriptor, hint: Mapping[str, Any], *, request: bool) -> Schema:
        kind = field.type
        if kind in RANGES:
            return self._whole(RANGES[kind], hint)
        if kind in (F.TYPE_DOUBLE, F.TYPE_FLOAT):
            number: Schema = {"type": "number", "format": "double" if kind == F.TYPE_DOUBLE else "float"}
            return number if request else {"anyOf": [number, dict(_NO_NUMBER)]}
        if kind == F.TYPE_ENUM:
            assert field.enum_type is not None  # noqa: S101 - of this type
            return {"type": "string", "enum": [value.name for value in field.enum_type.values]}
        return dict(_PLAIN[kind])

    def _whole(self, bounds: tuple[int, int], hint: Mapping[str, Any]) -> Schema:
        low, high = bounds
        if not self._lab and bounds in ((-(2**63), 2**63 - 1), (0, 2**64 - 1)):
            return {"type": "string", "format": _FORMATS[bounds]}
        schema: Schema = {"type": "integer", "format": _FORMATS[bounds]}
        if not hint.keys() & _LOW:
            schema["minimum"] = low
        if not hint.keys() & _HIGH:
            schema["maximum"] = high
        return schema

    def example(
        self, descriptor: Descriptor, leave_out: frozenset[str] = frozenset(), depth: int = 0
    ) -> dict[str, Any]:
        """A request that works as it is; fields without an example of their own are left out."""
        found: dict[str, Any] = {}
        for field in descriptor.fields:
            hint = self._hint(field)
            value: Any = None
            if field.name in leave_out or depth > 5:
                continue
            if field.message_type is not None and self._known(field.message_type) is None:
                value = self.example(field.message_type, frozenset(), depth + 1)
            elif "examples" in hint:
                value = hint["examples"][0]
            if value not in (None, {}):
                found[self._shown_name(field)] = [value] if field.is_repeated else value
        return found


_PLAIN: Final[Mapping[int, Schema]] = {
    F.TYPE_STRING: {"type": "string"},
    F.TYPE_BOOL: {"type": "boolean"},
    F.TYPE_BYTES: {"type": "string", "format": "byte"},
}


def _or_null(schema: Schema, *, only_types: bool) -> Schema:
    """The schema of something that may be null. What is a reference stays one where `only_types`: null is taken, and
    Swagger shows more of it.
    """
    kind = schema.get("type")
    if isinstance(kind, str):
        more = {"enum": [*schema["enum"], None]} if "enum" in schema else {}
        return {**schema, "type": [kind, "null"], **more}
    if "anyOf" in schema:
        return {**schema, "anyOf": [*schema["anyOf"], {"type": "null"}]}
    return schema if only_types or not schema else {"anyOf": [schema, {"type": "null"}]}
