"""What FastAPI is told about a route, so that OpenAPI shows the request with its rules, and every answer."""

import inspect
from typing import Annotated, Any, cast

from fastapi import Body as FromBody
from fastapi import Path, Query
from pydantic import BaseModel, Field

from protoc_gen_fastapi.runtime.serving import Rpc

_BOUNDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
_WIDE = {float(bound): bound for bound in (2**64 - 1, 2**63 - 1)}


class ErrorEnvelope(BaseModel):
    """How every error is told."""

    code: int = Field(description="Tells the kind of the error; never 0.", examples=[10001])
    msg: str = Field(description="A sentence for the caller.", examples=["id: must be greater than 0"])
    data: dict[str, Any] = Field(description="Facts about the error; often empty.", examples=[{}])


def responses(rpc: Rpc) -> dict[int | str, dict[str, Any]]:
    """The documented answers."""
    errors = {
        400: "A field breaks a rule; the message names it",
        404: "There is no such thing",
        409: "Refused; the message says why",
        413: "The body is too large",
        503: "A part of the system does not answer",
        504: "The time is over",
        "default": "Any other error",
    }
    documented: dict[int | str, dict[str, Any]] = {200: {"model": rpc.envelope, "description": "Done"}}
    for status, text in errors.items():
        documented[status] = {"model": ErrorEnvelope, "description": text}
    return documented


def extra(rpc: Rpc) -> dict[str, Any]:
    """What FastAPI does not find out by itself: a body of which nothing is required may be left out."""
    model = rpc.body or rpc.model
    if rpc.http is None or not rpc.http.reads_body or any(f.is_required() for f in model.model_fields.values()):
        return {}
    return {"requestBody": {"required": False}}


def signature(rpc: Rpc) -> inspect.Signature:
    """The parameters that FastAPI documents; the endpoint itself is given the request."""
    http = rpc.http
    assert http is not None  # noqa: S101 - only rpcs with an HTTP path get here
    fields = rpc.model.model_fields
    parameters = [_parameter(name, fields[name], Path) for name in http.path_fields]
    if http.reads_body:
        body = Annotated[rpc.body or rpc.model, FromBody()]
        parameters.append(inspect.Parameter("body", inspect.Parameter.KEYWORD_ONLY, annotation=body))
    else:
        rest = (name for name in fields if name not in http.path_fields)
        parameters.extend(_parameter(name, fields[name], Query) for name in rest)
    return inspect.Signature(parameters)


def _parameter(name: str, info: Any, place: Any) -> inspect.Parameter:
    # Swagger UI fills a parameter in from `example` only: without it, "Execute" stops at every required one.
    filled = {"example": info.examples[0]} if info.examples else None
    told = place(description=info.description, examples=info.examples, json_schema_extra=filled)
    annotation = Annotated[(info.annotation, *info.metadata, told)]
    default = inspect.Parameter.empty if info.is_required() or place is Path else info.default
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def with_exact_bounds(schema: Any) -> Any:
    """The OpenAPI document with whole numbers as bounds: FastAPI writes them as floats, and 2**64 is no uint64."""
    if isinstance(schema, list):
        return [with_exact_bounds(part) for part in cast("list[Any]", schema)]
    if not isinstance(schema, dict):
        return schema
    parts = {key: with_exact_bounds(part) for key, part in cast("dict[str, Any]", schema).items()}
    for key in _BOUNDS:
        bound = parts.get(key)
        if isinstance(bound, float) and bound.is_integer():
            parts[key] = _WIDE.get(bound, int(bound))
    return parts
