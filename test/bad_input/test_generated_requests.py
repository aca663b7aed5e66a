"""Requests that schemathesis derives from the OpenAPI documents: no server error, and every answer as documented."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests
import schemathesis
from catalogue import HTTP_RPCS
from hypothesis import HealthCheck, given, settings
from running_stack import RunningStack
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

SERVICES = ("gw", "order", "stock")
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
EXAMPLES = 15


@pytest.fixture(scope="module")
def session() -> Iterator[requests.Session]:
    with requests.Session() as opened:
        opened.trust_env = False
        yield opened


@pytest.fixture(scope="module")
def schemas(stack: RunningStack) -> dict[str, schemathesis.BaseSchema]:
    return {name: schemathesis.openapi.from_url(f"{stack.url(name)}/openapi.json") for name in SERVICES}


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["sound", "spoilt"])
@pytest.mark.parametrize("key", [key for key, rpc in HTTP_RPCS.items() if rpc.service in SERVICES])
def test_no_generated_request_makes_a_server_error(
    schemas: dict[str, schemathesis.BaseSchema], session: requests.Session, key: str, mode: GenerationMode
) -> None:
    rpc = HTTP_RPCS[key]
    operation = schemas[rpc.service][rpc.route][rpc.verb]
    if mode is GenerationMode.NEGATIVE and not (rpc.has_body or rpc.request.DESCRIPTOR.fields):
        return  # nothing to spoil

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list[Any](HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def check(case: schemathesis.Case[Any]) -> None:
        case.call_and_validate(session=session, checks=CHECKS)

    check()
