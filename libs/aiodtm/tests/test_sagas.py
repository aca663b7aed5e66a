"""What a saga does, on the DTM in memory and on the real ones."""

import asyncio
import time

import pytest

from aiodtm import BranchRefused, BranchRunning, Dtm, OptionsTooLarge, Outcome, Saga, Step, random_gid
from aiodtm.testing import InMemoryDtm


async def refuse(payload, metadata):
    raise BranchRefused("OUT_OF_STOCK")


def saga_of(stage, *names: str, **handlers) -> Saga:
    saga = stage.dtm.saga(random_gid("test"), {"x-request-id": "r-1"}, fresh=True)
    for name in names:
        action = stage.branches.url(name, handlers.get(name))
        saga.step(Step(action, stage.branches.url(f"Undo{name}", handlers.get(f"Undo{name}")), name.encode()))
    return saga


async def finished(dtm: Dtm, gid: str, within: float = 90, *, wake: bool = True) -> Outcome:
    """Wakes DTM until the transaction is finished: its own retry takes 10 to 20 s.

    Not to be woken where a pass is under way: DTM may start a second one beside it.
    """
    end = time.monotonic() + within
    while time.monotonic() < end:
        found = await dtm.query(gid)
        if found and found.finished:
            return found.outcome
        if wake:
            await dtm.wake()
        await asyncio.sleep(0.05 if isinstance(dtm, InMemoryDtm) else 1.1)
    raise AssertionError(f"{gid} is not finished: {await dtm.query(gid)}")


async def test_steps_are_called_in_order_with_their_payloads_and_headers(stage):
    saga = saga_of(stage, "A", "B", "C")
    assert await saga.submit() == Outcome("succeed")
    assert stage.branches.arrived == ["A/action", "B/action", "C/action"]
    assert stage.branches.payloads == [b"A", b"B", b"C"]
    ours = [{k: m[k] for k in m if k.startswith(("dtm-", "x-"))} for m in stage.branches.metadata]
    assert ours == [
        {
            "dtm-gid": saga.gid,
            "dtm-trans_type": "saga",
            "dtm-branch_id": branch_id,
            "dtm-op": "action",
            "dtm-dtm": "",
            "x-request-id": "r-1",
        }
        for branch_id in ("01", "02", "03")
    ]


async def test_a_refusal_undoes_backwards_and_the_refusing_branch_too(stage):
    saga = saga_of(stage, "A", "B", "C", B=refuse)
    assert await saga.submit() == Outcome("failed", "OUT_OF_STOCK", stage.branches.url("B"))
    assert stage.branches.arrived == ["A/action", "B/action", "UndoB/compensate", "UndoA/compensate"]
    assert stage.branches.payloads == [b"A", b"B", b"B", b"A"]
    assert {m["x-request-id"] for m in stage.branches.metadata} == {"r-1"}


async def test_a_step_without_undo_is_passed_over(stage):
    saga = stage.dtm.saga(random_gid())
    saga.step(Step(stage.branches.url("A"), "", b""))
    saga.step(Step(stage.branches.url("B", refuse), "", b""))
    assert (await saga.submit()).status == "failed"
    assert stage.branches.arrived == ["A/action", "B/action"]


async def test_an_unknown_error_is_running_and_the_step_is_called_again(stage):
    calls = []

    async def fail_once(payload, metadata):
        calls.append(metadata["dtm-op"])
        if len(calls) == 1:
            raise RuntimeError("the database is away")

    saga = saga_of(stage, "A", "B", B=fail_once)
    assert (await saga.submit(0.015 if stage.kind == "memory" else 0.5)).status in ("running", "succeed")
    assert (await finished(stage.dtm, saga.gid)).status == "succeed"
    assert stage.branches.arrived == ["A/action", "B/action", "B/action"]


async def test_a_running_branch_is_asked_again(stage):
    calls = []

    async def run_twice(payload, metadata):
        calls.append(1)
        if len(calls) < 2:
            raise BranchRunning

    saga = saga_of(stage, "A", A=run_twice)
    await saga.submit(0.3)
    assert (await finished(stage.dtm, saga.gid)).status == "succeed"
    assert calls == [1, 1]


async def test_an_undo_that_fails_or_refuses_is_called_again(stage):
    calls = []

    async def fail_twice(payload, metadata):
        calls.append(1)
        if len(calls) < 3:
            raise (BranchRefused("never") if len(calls) == 1 else RuntimeError("away"))

    saga = saga_of(stage, "A", "B", B=refuse, UndoA=fail_twice)
    before = await saga.submit(0.01)
    assert before.status in ("running", "failed", "unknown")
    assert await finished(stage.dtm, saga.gid) == Outcome("failed", "OUT_OF_STOCK", stage.branches.url("B"))
    assert stage.branches.arrived.count("UndoA/compensate") == 3
    assert stage.branches.arrived.count("UndoB/compensate") == 1


async def test_a_concurrent_saga_calls_its_steps_at_once_except_those_in_order(stage):
    both = asyncio.Barrier(2)

    async def meet(payload, metadata):
        await asyncio.wait_for(both.wait(), 2)

    saga = saga_of(stage, "A", "B", "C", A=meet, B=meet)
    saga.concurrent()
    saga.order(2, after=[0, 1])
    assert (await saga.submit()).status == "succeed"
    assert set(stage.branches.arrived[:2]) == {"A/action", "B/action"}
    assert stage.branches.arrived[2:] == ["C/action"]


async def test_in_a_concurrent_saga_an_undo_may_overtake_its_action(stage):
    """DTM does not wait for the other actions when one refuses: the barrier has to cope with it."""
    order = []

    async def slow(payload, metadata):
        await asyncio.sleep(0.3)
        order.append("action done")

    async def undo(payload, metadata):
        order.append("undo")

    saga = saga_of(stage, "A", "B", A=slow, B=refuse, UndoA=undo)
    saga.concurrent()
    assert (await saga.submit()).status == "failed"
    await asyncio.sleep(0.5)
    assert order == ["undo", "action done"]


async def test_submitting_again_asks_and_calls_no_branch(stage):
    saga = saga_of(stage, "A")
    assert await saga.submit() == Outcome("succeed")
    assert await saga.submit() == Outcome("succeed")
    again = stage.dtm.saga(saga.gid)
    again.step(Step(stage.branches.url("A"), "", b"another payload"))
    assert await again.submit() == Outcome("succeed")
    assert stage.branches.arrived == ["A/action"]


async def test_submitting_a_running_saga_again_waits_for_the_first(stage):
    async def slow(payload, metadata):
        await asyncio.sleep(0.4)

    saga = saga_of(stage, "A", "B", A=slow)
    first = asyncio.create_task(saga.submit())
    await asyncio.sleep(0.2)
    assert await saga.submit() == Outcome("succeed")
    assert await first == Outcome("succeed")
    assert stage.branches.arrived == ["A/action", "B/action"]


async def test_a_promise_of_freshness_that_is_broken_starts_a_second_pass(stage):
    """Why a gid is asked about: DTM takes the second Submit of a running saga for a reason to call everything again."""

    async def slow(payload, metadata):
        await asyncio.sleep(0.4)

    saga = saga_of(stage, "A", A=slow)
    first = asyncio.create_task(saga.submit())
    await asyncio.sleep(0.2)
    broken = stage.dtm.saga(saga.gid, fresh=True)
    broken.step(Step(stage.branches.url("A", slow), "", b"A"))
    await asyncio.gather(first, broken.submit())
    assert stage.branches.arrived == ["A/action", "A/action"]


async def test_the_time_limit_is_kept_while_a_branch_is_slow_and_dtm_goes_on(stage):
    async def slow(payload, metadata):
        await asyncio.sleep(2.0)

    saga = saga_of(stage, "A", "B", A=slow)
    start = time.monotonic()
    assert (await saga.submit(0.4)).status == "running"
    assert time.monotonic() - start < 1.5
    assert (await finished(stage.dtm, saga.gid, wake=False)).status == "succeed"
    assert stage.branches.arrived == ["A/action", "B/action"]


async def test_query_shows_the_branches_and_nothing_for_an_unknown_gid(stage):
    saga = saga_of(stage, "A", "B")
    await saga.submit()
    found = await stage.dtm.query(saga.gid)
    assert found is not None
    assert (found.gid, found.trans_type, found.status) == (saga.gid, "saga", "succeed")
    assert [(b.branch_id, b.op, b.payload) for b in found.branches] == [
        ("01", "compensate", b"A"),
        ("01", "action", b"A"),
        ("02", "compensate", b"B"),
        ("02", "action", b"B"),
    ]
    assert await stage.dtm.query(random_gid()) is None
    assert await stage.dtm.outcome(random_gid()) is None


async def test_a_payload_of_the_largest_size_arrives_whole(stage):
    saga = stage.dtm.saga(random_gid(), {"x-long": "v" * 800})
    payload = bytes(range(256)) * 255 + b"x" * 255
    assert len(payload) == 65_535
    saga.step(Step(stage.branches.url("A"), stage.branches.url("UndoA"), payload))
    assert (await saga.submit()).status == "succeed"
    assert stage.branches.payloads == [payload]
    assert stage.branches.metadata[0]["x-long"] == "v" * 800


async def test_new_gid_can_be_used(stage):
    gid = await stage.dtm.new_gid()
    saga = stage.dtm.saga(gid)
    saga.step(Step(stage.branches.url("A"), "", b""))
    assert (await saga.submit()).status == "succeed"


@pytest.mark.parametrize("headers", [{"x": "v" * 1000}, {f"x-{i}": "<" * 20 for i in range(10)}])
async def test_headers_that_mysql_could_not_store_are_refused_before_anything_is_sent(stage, headers):
    saga = stage.dtm.saga(random_gid(), headers)
    saga.step(Step(stage.branches.url("A"), "", b""))
    with pytest.raises(OptionsTooLarge):
        await saga.submit()
    assert await stage.dtm.query(saga.gid) is None
