"""What a saga does, on the DTM in memory and on the real ones."""

import asyncio
import time

import pytest

from aiodtm import (
    BranchRefused,
    BranchRunning,
    Dtm,
    DtmAborted,
    DtmFailure,
    GidConflict,
    Message,
    OptionsTooLarge,
    Outcome,
    Saga,
    Step,
    random_gid,
)
from aiodtm.testing import InMemoryDtm

from .conftest import open_stage


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
    again.step(Step(stage.branches.url("A"), "", b"A"))
    assert await again.submit() == Outcome("succeed")
    assert stage.branches.arrived == ["A/action"]


def another(stage, saga: Saga, difference: str, *, fresh: bool) -> Saga | Message:
    """Something else under the gid of a saga of one step A."""
    url = stage.branches.url
    if difference == "type":
        message = stage.dtm.message(saga.gid, url("Back"))
        message.step(url("A"), b"A")
        return message
    changed = stage.dtm.saga(saga.gid, fresh=fresh)
    steps = {"payload": [("A", b"another")], "call": [("B", b"A")], "steps": [("A", b"A"), ("B", b"B")]}
    for name, payload in steps[difference]:
        changed.step(Step(url(name), "", payload))
    return changed


@pytest.mark.parametrize("fresh", [False, True])
@pytest.mark.parametrize("difference", ["payload", "call", "steps", "type"])
async def test_a_gid_that_dtm_has_for_something_else_is_a_conflict(stage, difference, fresh):
    saga = saga_of(stage, "A")
    await saga.submit()
    assert await finished(stage.dtm, saga.gid) == Outcome("succeed")
    with pytest.raises(GidConflict, match=saga.gid):
        await another(stage, saga, difference, fresh=fresh).submit()
    assert stage.branches.arrived == ["A/action"]
    assert await stage.dtm.outcome(saga.gid) == Outcome("succeed")


async def test_a_gid_of_a_running_saga_is_a_conflict_for_another_one(stage):
    saga = saga_of(stage, "A", A=lambda payload, metadata: asyncio.sleep(0.4))
    first = asyncio.create_task(saga.submit())
    await asyncio.sleep(0.2)
    with pytest.raises(GidConflict):
        await another(stage, saga, "payload", fresh=False).submit()
    assert await first == Outcome("succeed")
    assert stage.branches.payloads == [b"A"]


async def test_a_gid_that_differs_in_letter_case_is_another_one(stage):
    """DTM on MySQL takes the two for one, and would say "succeed" and call nothing."""
    saga = saga_of(stage, "A")
    await saga.submit()
    upper = stage.dtm.saga(saga.gid.upper())
    upper.step(Step(stage.branches.url("A"), "", b"A"))
    assert await stage.dtm.query(upper.gid) is None
    if stage.kind == "mysql":
        with pytest.raises(GidConflict, match="letter case"):
            await upper.submit()
    else:
        assert await upper.submit() == Outcome("succeed")
    assert len(stage.branches.arrived) == (1 if stage.kind == "mysql" else 2)


async def test_a_step_whose_server_has_moved_is_the_same_step(stage):
    saga = saga_of(stage, "A")
    await saga.submit()
    moved = stage.dtm.saga(saga.gid)
    moved.step(Step(f"other:1/{stage.branches.url('A').partition('/')[2]}", "", b"A"))
    assert await moved.submit() == Outcome("succeed")


async def test_a_saga_may_be_left_to_dtm_without_waiting(stage):
    saga = saga_of(stage, "A", A=lambda payload, metadata: asyncio.sleep(0.5))
    start = time.monotonic()
    assert await saga.submit(wait=False) == Outcome("running")
    assert time.monotonic() - start < 0.4
    assert await finished(stage.dtm, saga.gid, wake=False) == Outcome("succeed")
    assert await saga.submit(wait=False) == Outcome("succeed")


async def test_a_branch_has_as_long_as_the_request_timeout(stage):
    slow = stage.branches.url("A", lambda payload, metadata: asyncio.sleep(1.5))
    for seconds, status in ((1, "running"), (2, "succeed")):
        saga = stage.dtm.saga(random_gid("test"), fresh=True, request_timeout=seconds)
        saga.step(Step(slow, "", b""))
        assert (await saga.submit(2.5)).status == status


async def test_a_saga_is_taken_up_again_after_its_retry_interval(real_stage):
    calls = []

    async def run_twice(payload, metadata):
        calls.append(time.monotonic())
        if len(calls) < 2:
            raise BranchRunning

    saga = real_stage.dtm.saga(random_gid("test"), fresh=True, retry_interval=2)
    saga.step(Step(real_stage.branches.url("A", run_twice), "", b""))
    await saga.submit(0.3)
    assert (await finished(real_stage.dtm, saga.gid, wake=False)).status == "succeed"
    assert 1 < calls[1] - calls[0] < 7  # 10 by default; DTM looks every 3 s


async def test_a_saga_that_is_stopped_by_force_has_failed_with_nothing_undone(stage):
    async def never(payload, metadata):
        raise BranchRunning

    saga = saga_of(stage, "A", "B", B=never)
    await saga.submit(0.01 if stage.kind == "memory" else 0.3)
    await stage.dtm.force_stop(saga.gid)
    assert await stage.dtm.outcome(saga.gid) == Outcome("failed")
    assert "UndoA/compensate" not in stage.branches.arrived
    with pytest.raises(DtmAborted):
        await stage.dtm.force_stop(saga.gid)
    with pytest.raises(DtmFailure):
        await stage.dtm.force_stop(random_gid())


async def test_transactions_are_listed_by_status_and_type(stage):
    async def never(payload, metadata):
        raise BranchRunning

    done, open_one = saga_of(stage, "A"), saga_of(stage, "B", B=never)
    message = stage.dtm.message(random_gid("test"), stage.branches.url("Back"))
    message.step(stage.branches.url("A"), b"")
    await done.submit()
    await open_one.submit(0.01 if stage.kind == "memory" else 0.3)
    await message.prepare()
    ours = {done.gid: "done", open_one.gid: "open", message.gid: "message"}

    async def listed(*args, **kwargs) -> set[str]:
        found = stage.dtm.transactions(*args, page=1_000_000, **kwargs)
        return {ours[t.gid] async for t in found if t.gid in ours}

    assert await listed() == {"done", "open", "message"}
    assert await listed("submitted") == {"open"}
    assert await listed("prepared") == await listed(trans_type="msg") == {"message"}
    await message.abort()


@pytest.mark.parts
async def test_a_list_of_several_pages_is_whole():
    """On MySQL. On Redis DTM leaves out what a page has no room for."""
    async with open_stage("mysql") as stage:
        sagas = [saga_of(stage, "A") for _ in range(5)]
        for saga in sagas:
            await saga.submit()
        found = []
        async for transaction in stage.dtm.transactions("succeed", trans_type="saga", page=2):
            found.append(transaction.gid)
            if len(found) == 5:
                break
    assert found == [saga.gid for saga in sagas][::-1]


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
