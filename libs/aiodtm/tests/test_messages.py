"""What a two-phase message does, on the DTM in memory and on the real ones."""

import asyncio
import time
from contextlib import nullcontext

import pytest

from aiodtm import (
    Barrier,
    BranchRefused,
    DtmAborted,
    GidConflict,
    InvalidTransaction,
    Message,
    Outcome,
    Step,
    random_gid,
)
from aiodtm.mysql import MySQLBarriers
from aiodtm.testing import InMemoryDtm, MemoryStore


def message_of(stage, *names: str, check_back=None, **handlers) -> Message:
    back = stage.branches.url("Back", check_back)
    message = stage.dtm.message(random_gid("test"), back, {"x-request-id": "r-1"})
    for name in names:
        message.step(stage.branches.url(name, handlers.get(name)), name.encode())
    return message


async def decided(stage, gid: str, within: float = 20) -> Outcome:
    end = time.monotonic() + within
    while time.monotonic() < end:
        found = await stage.dtm.query(gid)
        if found and found.finished:
            return found.outcome
        await (stage.dtm.settle() if isinstance(stage.dtm, InMemoryDtm) else asyncio.sleep(0.3))
    raise AssertionError(f"{gid} is undecided")


async def test_prepare_calls_nobody_and_submit_delivers_in_order(stage):
    message = message_of(stage, "A", "B")
    await message.prepare()
    await asyncio.sleep(0.1)
    assert stage.branches.arrived == []
    assert await message.submit() == Outcome("succeed")
    assert stage.branches.arrived == ["A/action", "B/action"]
    assert stage.branches.payloads == [b"A", b"B"]
    assert [m["dtm-branch_id"] for m in stage.branches.metadata] == ["01", "02"]
    assert {m["dtm-trans_type"] for m in stage.branches.metadata} == {"msg"}
    assert {m["x-request-id"] for m in stage.branches.metadata} == {"r-1"}


async def test_prepare_and_submit_may_be_repeated(stage):
    message = message_of(stage, "A")
    await message.prepare()
    await message.prepare()
    assert await message.submit() == Outcome("succeed")
    assert await message.submit() == Outcome("succeed")
    with pytest.raises(DtmAborted, match="current status 'succeed'"):
        await message.prepare()
    assert stage.branches.arrived == ["A/action"]


async def test_an_aborted_message_is_never_delivered(stage):
    message = message_of(stage, "A")
    await message.prepare()
    await message.abort()
    await message.abort()
    assert await message.submit() == Outcome("failed")
    assert stage.branches.arrived == []


async def test_abort_comes_too_late_after_submit(stage):
    message = message_of(stage, "A")
    await message.prepare()
    await message.submit()
    with pytest.raises(DtmAborted):
        await message.abort()


async def test_a_message_that_was_never_prepared_can_be_submitted(stage):
    """DTM on Redis may lose its last second; what was committed must get through all the same."""
    message = message_of(stage, "A")
    assert await message.submit() == Outcome("succeed")


async def test_submit_without_waiting_returns_at_once(stage):
    async def slow(payload, metadata):
        await asyncio.sleep(0.5)

    message = message_of(stage, "A", A=slow)
    await message.prepare()
    start = time.monotonic()
    assert await message.submit(wait=False) == Outcome("running")
    assert time.monotonic() - start < 0.4
    assert await decided(stage, message.gid) == Outcome("succeed")


async def test_the_check_back_decides_when_no_submit_comes(stage):
    async def committed(payload, metadata):
        assert metadata["dtm-branch_id"] == "00"

    message = message_of(stage, "A", check_back=committed)
    await message.prepare()
    assert await decided(stage, message.gid) == Outcome("succeed")
    assert stage.branches.arrived == ["Back/msg", "A/action"]
    assert {m["x-request-id"] for m in stage.branches.metadata} == {"r-1"}


async def test_a_check_back_that_refuses_drops_the_message(stage):
    async def rolled_back(payload, metadata):
        raise BranchRefused("rollback")

    message = message_of(stage, "A", check_back=rolled_back)
    await message.prepare()
    assert await decided(stage, message.gid) == Outcome("failed")
    assert await message.submit() == Outcome("failed")
    assert stage.branches.arrived == ["Back/msg"]


async def test_a_refused_delivery_is_no_more_than_an_error(stage):
    calls = []

    async def refuse_once(payload, metadata):
        calls.append(1)
        if len(calls) == 1:
            raise BranchRefused("no")

    message = message_of(stage, "A", A=refuse_once)
    await message.prepare()
    assert await message.submit(wait=False) == Outcome("running")
    if stage.kind != "memory":
        await asyncio.sleep(1.1)
        await stage.dtm.wake()
    assert await decided(stage, message.gid) == Outcome("succeed")


async def test_a_delay_holds_the_delivery_back(stage):
    message = message_of(stage, "A")
    message.delay(2)
    await message.prepare()
    assert (await message.submit(0.01)).status in ("running", "unknown")
    assert stage.branches.arrived == []
    assert await decided(stage, message.gid) == Outcome("succeed")


async def test_do_and_submit_delivers_what_was_committed(stage):
    store = MemoryStore({"stock": 5})

    async def work(tx):
        tx.data["stock"] -= 1

    message = message_of(stage, "A")
    assert await message.do_and_submit(store, work) == Outcome("succeed")
    assert store.data == {"stock": 4}
    assert store.rows == {(message.gid, "00", "msg"): "msg"}


async def test_do_and_submit_aborts_what_was_refused(stage):
    async def refuse(tx):
        raise BranchRefused("SOLD_OUT")

    message = message_of(stage, "A")
    with pytest.raises(BranchRefused, match="SOLD_OUT"):
        await message.do_and_submit(MemoryStore(), refuse)
    assert await stage.dtm.outcome(message.gid) == Outcome("failed")
    assert stage.branches.arrived == []


async def test_a_message_that_was_prepared_takes_no_more_steps(stage):
    message = message_of(stage, "A")
    await message.prepare()
    with pytest.raises(InvalidTransaction):
        message.step(stage.branches.url("B"), b"")


async def test_do_and_submit_leaves_an_unknown_error_to_the_check_back(stage):
    store = MemoryStore()

    async def break_down(tx):
        raise RuntimeError("the disk is full")

    async def check_back(payload, metadata):
        await store.query_prepared(message.barrier)

    message = message_of(stage, "A", check_back=check_back)
    with pytest.raises(RuntimeError):
        await message.do_and_submit(store, break_down)
    assert await decided(stage, message.gid) == Outcome("failed")
    assert stage.branches.arrived == ["Back/msg"]


def again(stage, gid: str, payload: bytes, *, fresh: bool = False) -> Message:
    message = stage.dtm.message(gid, stage.branches.url("Back"), fresh=fresh)
    message.step(stage.branches.url("A"), payload)
    return message


async def test_a_gid_that_another_message_has_prepared_is_a_conflict(stage):
    """DTM says yes to the second Prepare, and would deliver the first one's payload."""
    first = message_of(stage, "A")
    await first.prepare()
    with pytest.raises(GidConflict, match="payload"):
        await again(stage, first.gid, b"another").prepare()
    with pytest.raises(GidConflict, match="payload"):
        await again(stage, first.gid, b"another").submit()
    await again(stage, first.gid, b"A").prepare()
    assert await first.submit() == Outcome("succeed")
    assert stage.branches.payloads == [b"A"]


@pytest.mark.parametrize("fresh", [False, True])
async def test_a_gid_that_another_message_has_used_is_a_conflict(stage, fresh):
    first = message_of(stage, "A")
    await first.submit()
    with pytest.raises(GidConflict, match="payload"):
        await again(stage, first.gid, b"another", fresh=fresh).prepare()
    with pytest.raises(DtmAborted):
        await again(stage, first.gid, b"A", fresh=fresh).prepare()


async def test_the_gid_of_a_saga_is_a_conflict_for_a_message(stage):
    saga = stage.dtm.saga(random_gid("test"))
    saga.step(Step(stage.branches.url("A"), "", b"A"))
    await saga.submit()
    with pytest.raises(GidConflict, match="is a saga, not a msg"):
        await again(stage, saga.gid, b"A").prepare()


@pytest.mark.parametrize("commits", [True, False])
async def test_a_check_back_looks_into_a_barrier_table_of_its_own(real_stage, engine, mysql_database, commits):
    barriers = MySQLBarriers(engine, f"{mysql_database}.barrier")

    async def check_back(payload, metadata):
        await barriers.query_prepared(Barrier.from_metadata(metadata))

    async def work(tx):
        if not commits:
            raise RuntimeError("the disk is full")

    message = message_of(real_stage, "A", check_back=check_back)
    await message.prepare()
    with nullcontext() if commits else pytest.raises(RuntimeError):
        await barriers.once(message.barrier, work)  # and then the sender dies
    assert await decided(real_stage, message.gid) == Outcome("succeed" if commits else "failed")
    assert real_stage.branches.arrived == ["Back/msg", "A/action"][: 2 if commits else 1]


async def test_do_and_submit_writes_into_the_table_of_its_barriers(real_stage, engine, mysql_database):
    barriers = MySQLBarriers(engine, f"{mysql_database}.barrier")

    async def nothing(tx):
        pass

    message = message_of(real_stage, "A")
    assert await message.do_and_submit(barriers, nothing) == Outcome("succeed")
    await barriers.query_prepared(Barrier.of_message(message.gid))
