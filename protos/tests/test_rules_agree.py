"""Emitted checks, and what HTTP takes, against protovalidate, which knows nothing of the generator."""

import importlib
import pkgutil
from typing import Any

import orjson
import protovalidate
import pytest
from buf.validate import validate_pb2
from google.protobuf.descriptor import FieldDescriptor
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import eshop_protos
from protoc_gen_fastapi.runtime import InvalidArgument
from protoc_gen_fastapi.runtime.emitted import Rpc
from protoc_gen_fastapi.runtime.http_endpoint import NO_QUERY
from protoc_gen_fastapi.runtime.reading import RequestReader
from protoc_gen_fastapi.runtime.serving import Http
from protoc_gen_fastapi.runtime.shapes import Shapes

from .rule_samples import example_of, message_of, rules, values

RPCS: dict[str, tuple[Rpc, RequestReader]] = {}
for found in pkgutil.walk_packages(eshop_protos.__path__, "eshop_protos."):
    if found.name.endswith("_api"):
        module: Any = importlib.import_module(found.name)
        for rpc in vars(module).values():
            if isinstance(rpc, Rpc):
                reader = RequestReader(rpc, Http("POST", "/", body="*"), Shapes(module._SHOWN, takes_no_numbers=False))
                RPCS[rpc.path] = (rpc, reader)


def oracle(message: Any) -> set[str]:
    """The paths of all fields that break a rule."""
    return {path(v.proto.field) for v in protovalidate.collect_violations(message)}


def path(field: validate_pb2.FieldPath) -> str:
    return ".".join(
        f"{e.field_name}[{e.index}]" if e.WhichOneof("subscript") == "index" else e.field_name for e in field.elements
    )


def on_http(reader: RequestReader, value: dict[str, Any]) -> Any:
    """The message that HTTP makes of a value, or (field, problem)."""
    try:
        return reader.message(orjson.dumps(value), {}, NO_QUERY)
    except InvalidArgument as error:
        return (error.field, error.problem)


def test_every_rpc_is_here() -> None:
    assert len(RPCS) >= 70


@pytest.mark.parametrize("name", sorted(RPCS))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_both_transports_agree_with_protovalidate(name: str, data: st.DataObject) -> None:
    rpc, reader = RPCS[name]
    value = data.draw(values(rpc.takes))
    message = message_of(rpc.takes, value)
    wrong = oracle(message)

    told = rpc.check(message)
    assert (told is None) == (not wrong)
    assert told is None or told[0] in wrong

    read = on_http(reader, value)
    if wrong:
        assert isinstance(read, tuple)
        assert read[0] in wrong
    else:
        assert read == message


LISTS = [
    (name, field) for name, (rpc, _) in RPCS.items() for field in rpc.takes.fields if field.is_repeated and rpc.routes
]


@pytest.mark.parametrize(("name", "field"), LISTS, ids=lambda v: v if isinstance(v, str) else v.name)
def test_lists_keep_their_bounds(name: str, field: FieldDescriptor) -> None:
    rpc, reader = RPCS[name]
    bound = rules(field).repeated
    right = example_of(rpc.takes)
    for size in {0, bound.min_items, bound.max_items, bound.max_items + 1}:
        value = right | {field.name: right[field.name] * size}
        fits = bound.min_items <= size <= bound.max_items
        told = rpc.check(message_of(rpc.takes, value))
        assert (told is None) == fits
        read = on_http(reader, value)
        assert isinstance(read, tuple) != fits
        assert fits or read[0] == field.name
