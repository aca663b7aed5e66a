"""What the log says of calls to other services that fail."""

import asyncio

import grpc
import grpc.aio
import pytest
import structlog.testing

from eshop_chassis.calls import open_channel
from eshop_chassis.calls.failed_calls import FailedCalls

METHOD = "/api.stock.v1.stock/List"


def failure(status: grpc.StatusCode) -> grpc.aio.AioRpcError:
    nothing = grpc.aio.Metadata()
    return grpc.aio.AioRpcError(status, nothing, nothing, details="no route to host")


async def test_the_first_failure_is_told_at_once_and_those_that_follow_in_one_line() -> None:
    failed = FailedCalls(seconds=0.01)

    with structlog.testing.capture_logs() as told:
        for _ in range(5):
            failed.tell(METHOD, failure(grpc.StatusCode.UNAVAILABLE))
        at_once = len(told)
        await asyncio.sleep(0.2)

    assert at_once == 1
    assert [(line["method"], line["status"], line["details"], line["times"]) for line in told] == [
        (METHOD, "UNAVAILABLE", "no route to host", 1),
        (METHOD, "UNAVAILABLE", "no route to host", 4),
    ]


def test_a_refusal_is_no_failure() -> None:
    with structlog.testing.capture_logs() as told:
        FailedCalls().tell(METHOD, failure(grpc.StatusCode.NOT_FOUND))

    assert told == []


async def test_a_call_that_reaches_nobody_is_told() -> None:
    with structlog.testing.capture_logs() as told:
        async with open_channel("127.0.0.1:1") as channel:
            with pytest.raises(grpc.aio.AioRpcError):
                await channel.unary_unary(METHOD)(b"", timeout=2)

    assert [(line["method"], line["status"]) for line in told] == [(METHOD, "UNAVAILABLE")]
