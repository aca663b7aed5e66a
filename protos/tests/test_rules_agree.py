"""Emitted checks and pydantic models against protovalidate, which knows nothing of the generator."""

import importlib
import pkgutil
from functools import cache
from typing import Any

import protovalidate
import pytest
from buf.validate import validate_pb2
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.descriptor_pool import Default
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

import eshop_protos
from protoc_gen_fastapi.runtime import emitted
from protoc_gen_fastapi.runtime.values import refusal

from .rule_samples import message_of, rules, values

CHECKS = {}
for found in pkgutil.walk_packages(eshop_protos.__path__, "eshop_protos."):
    if found.name.endswith("_api"):
        api = importlib.import_module(found.name)
        pb2: Any = importlib.import_module(found.name.removesuffix("_api") + "_pb2")
        for name in pb2.DESCRIPTOR.message_types_by_name:
            if hasattr(api, f"check_{name}"):
                full_name = pb2.DESCRIPTOR.message_types_by_name[name].full_name
                CHECKS[full_name] = (getattr(api, f"check_{name}"), getattr(api, name, None))


def oracle(message: Any) -> set[str]:
    """The paths of all fields that break a rule."""
    return {path(v.proto.field) for v in protovalidate.collect_violations(message)}


def path(field: validate_pb2.FieldPath) -> str:
    return ".".join(
        f"{e.field_name}[{e.index}]" if e.WhichOneof("subscript") == "index" else e.field_name for e in field.elements
    )


@cache
def example(model: type[emitted.Body]) -> dict[str, Any]:
    found: dict[str, Any] = model.model_json_schema()["examples"][0]
    return found


def on_http(model: type[emitted.Body], value: dict[str, Any]) -> emitted.Violation | None:
    try:
        model.model_validate(value)
    except ValidationError as error:
        told = refusal(error)
        return told.field, told.problem
    return None


def test_every_request_is_here() -> None:
    assert len(CHECKS) >= 50


@pytest.mark.parametrize("full_name", sorted(CHECKS))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_checks_and_models_agree_with_protovalidate(full_name: str, data: st.DataObject) -> None:
    descriptor = Default().FindMessageTypeByName(full_name)
    check, model = CHECKS[full_name]
    value = data.draw(values(descriptor))
    if model is not None and descriptor.fields and data.draw(st.booleans()):
        # Mostly right, so that one wrong field is not hidden behind another.
        changed = data.draw(st.sets(st.sampled_from(sorted(f.name for f in descriptor.fields)), max_size=2))
        value = example(model) | {name: value[name] for name in changed & value.keys()}
    message = message_of(descriptor, value)
    wrong = oracle(message)

    told = check(message)
    assert (told is None) == (not wrong)
    assert told is None or told[0] in wrong

    if model is None:  # no rpc takes it over HTTP
        return
    told_on_http = on_http(model, value)
    assert (told_on_http is None) == (not wrong)
    if told_on_http is not None and "is required" not in told_on_http[1]:
        assert told_on_http[0] in wrong
    if told_on_http is None:
        assert model.model_validate(value).to_proto() == message


LISTS = [
    (name, field)
    for name, (_, model) in CHECKS.items()
    for field in Default().FindMessageTypeByName(name).fields
    if field.is_repeated and model is not None
]


@pytest.mark.parametrize(("full_name", "field"), LISTS, ids=lambda v: v if isinstance(v, str) else v.name)
def test_lists_keep_their_bounds(full_name: str, field: FieldDescriptor) -> None:
    check, model = CHECKS[full_name]
    assert field.containing_type is not None
    bound = rules(field).repeated
    right = example(model)
    for size in {0, bound.min_items, bound.max_items, bound.max_items + 1}:
        value = right | {field.name: right[field.name] * size}
        fits = bound.min_items <= size <= bound.max_items
        told = check(message_of(field.containing_type, value))
        assert told == on_http(model, value)
        assert (told is None) == fits
