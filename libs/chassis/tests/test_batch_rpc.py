"""Batch rpcs: each of many gets its own reply or error, and its own request id in the logs."""

import asyncio
import json
from typing import Any

import pytest
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from eshop_chassis.calls.batch_rpc import BatchingClient, answer_each, answer_many, from_failure, to_failure
from eshop_chassis.logs import get_logger, set_up_logs
from eshop_protos.order.v1 import order_pb2 as pb
from protoc_gen_fastapi.runtime import (
    Call,
    InvalidArgument,
    NotFound,
    Refused,
    RpcError,
    Unavailable,
    Unimplemented,
    Unprocessable,
)

ERRORS: list[RpcError] = [
    Refused("only 3 left", code=30023, short="OUT_OF_STOCK", data={"left": 3}),
    InvalidArgument("userID", "must be greater than 0"),
    NotFound("order 7 does not exist"),
    Unprocessable("the key was used before"),
    Unavailable("try again"),
]


async def serve(request: pb.SubmitOrderRequest, call: Call) -> pb.SubmitOrderReply:
    """Fails for users 0 to 4 with the error of that number, for 5 and 6 with surprises."""
    await asyncio.sleep(0)
    if request.userID < len(ERRORS):
        raise ERRORS[request.userID]
    if request.userID == 5:
        raise PoolTimeoutError("QueuePool limit")
    if request.userID == 6:
        raise ZeroDivisionError("secret")
    return pb.SubmitOrderReply(orderID=f"{request.userID}/{call.request_id}")


def requests(*users: int) -> list[pb.SubmitOrderRequest]:
    return [pb.SubmitOrderRequest(userID=user) for user in users]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_an_error_is_the_same_after_it_has_travelled_in_a_batch(error):
    there = from_failure(to_failure(error))
    assert type(there) is type(error)
    assert vars(there).items() >= {"message": error.message, "code": error.code, "short": error.short}.items()
    assert there.data == error.data


async def test_each_request_of_a_batch_is_answered_for_itself():
    results = await answer_each(
        requests(7, 0, 8, 5, 6), ["a", "b", "c"], Call.local({"x-request-id": "batch"}), serve, pb.SubmitManyResult
    )
    assert [r.reply.orderID for r in results] == ["7/a", "", "8/c", "", ""]
    assert [r.HasField("failure") for r in results] == [False, True, False, True, True]
    refused, away, bug = (from_failure(results[i].failure) for i in (1, 3, 4))
    assert (refused.code, refused.short) == (30023, "OUT_OF_STOCK")
    assert type(away) is Unavailable
    assert "secret" not in bug.message


async def test_a_failure_inside_is_logged_with_the_request_id_of_its_own_request(capsys):
    import structlog

    before = structlog.get_config()
    set_up_logs("trial", "info", "json")

    async def fail(request: pb.SubmitOrderRequest, call: Call) -> pb.SubmitOrderReply:
        get_logger("here").info("serving")
        raise ZeroDivisionError

    await answer_each(requests(1, 2), ["a", "b"], Call.local(), fail, pb.SubmitManyResult)
    structlog.configure(**before)
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert sorted(line["request_id"] for line in lines if line["event"] == "serving") == ["a", "b"]


async def test_the_deadline_of_the_batch_is_the_deadline_of_each():
    seen = []

    async def look(request: pb.SubmitOrderRequest, call: Call) -> pb.SubmitOrderReply:
        seen.append(call.remaining())
        return pb.SubmitOrderReply()

    await answer_each(requests(1), [], Call.local(timeout=3), look, pb.SubmitManyResult)
    assert 2 < seen[0] <= 3


async def test_calls_that_come_together_travel_together_and_each_gets_its_own_answer():
    batches = []

    async def many(items, ids, keys, call):
        batches.append((len(items), list(ids), list(keys)))
        return await answer_each(items, ids, call, serve, pb.SubmitManyResult)

    client = BatchingClient("trial", many, serve)
    calls = [client(r, Call.local({"x-request-id": f"r{r.userID}"})) for r in requests(7, 0, 8)]
    answers: list[Any] = await asyncio.gather(*calls, return_exceptions=True)
    assert batches == [(3, ["r7", "r0", "r8"], [])]
    assert (answers[0].orderID, answers[2].orderID) == ("7/r7", "8/r8")
    assert isinstance(answers[1], Refused)


async def test_an_upstream_that_knows_no_batch_rpc_is_called_one_by_one():
    tries = []

    async def many(items, ids, keys, call):
        tries.append(len(items))
        raise Unimplemented

    client = BatchingClient("trial", many, serve)
    for _ in range(2):
        calls = [client(r, Call.local({"x-request-id": "x"})) for r in requests(7, 0, 8)]
        answers: list[Any] = await asyncio.gather(*calls, return_exceptions=True)
        assert (answers[0].orderID, answers[2].orderID) == ("7/x", "8/x")
        assert isinstance(answers[1], Refused)
    assert tries == [3]


async def test_an_upstream_that_is_away_fails_each_call_with_the_same_error():
    async def many(items, ids, keys, call):
        raise Unavailable("away")

    client = BatchingClient("trial", many, serve)
    answers = await asyncio.gather(*(client(r, Call.local()) for r in requests(7, 8)), return_exceptions=True)
    assert [str(a) for a in answers] == ["away", "away"]


async def test_idempotency_keys_travel_with_their_requests_and_equal_ones_share_an_answer():
    served = []

    async def serve_keyed(request: pb.SubmitOrderRequest, call: Call) -> pb.SubmitOrderReply:
        served.append((request.userID, call.metadata.get("idempotency-key")))
        return await serve(request, call)

    async def many(items, ids, keys, call):
        return await answer_each(items, ids, call, serve_keyed, pb.SubmitManyResult, keys)

    client = BatchingClient("trial", many, serve)
    keys = ["k1", "k1", "", "k1", "k2"]
    calls = [
        client(r, Call.local({"x-request-id": f"r{i}"} | ({"idempotency-key": key} if key else {})))
        for i, (r, key) in enumerate(zip(requests(7, 7, 7, 8, 7), keys, strict=True))
    ]
    answers = [reply.orderID for reply in await asyncio.gather(*calls)]
    assert answers == ["7/r0", "7/r0", "7/r2", "8/r3", "7/r4"]
    assert sorted(served, key=str) == [(7, "k1"), (7, "k2"), (7, None), (8, "k1")]


async def test_items_with_a_key_go_one_by_one_and_the_others_together():
    groups: list[list[str]] = []

    async def together(items, ids):
        groups.append(list(ids))
        return [
            NotFound("away") if item.userID == 8 else pb.SubmitOrderReply(orderID=f"{item.userID}") for item in items
        ]

    async def alone(request: pb.SubmitOrderRequest, call: Call) -> pb.SubmitOrderReply:
        return pb.SubmitOrderReply(orderID=f"{request.userID}/{call.metadata['idempotency-key']}/{call.request_id}")

    batch = pb.SubmitManyRequest(
        orders=requests(7, 8, 9, 10), requestIDs=["a", "b", "c"], idempotencyKeys=["", "", "k"]
    )
    call = Call.local({"x-request-id": "batch"})
    results = await answer_many(batch, batch.orders, call, pb.SubmitManyResult, together=together, single=alone)
    assert [r.reply.orderID for r in results] == ["7", "", "9/k/c", "10"]
    assert type(from_failure(results[1].failure)) is NotFound
    assert groups == [["a", "b", "batch"]]
