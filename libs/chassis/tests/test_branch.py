"""Branches: once each, and a repeated call gets the answer that the first one had."""

import asyncio
from typing import Any

import pytest

from aiodtm import random_gid
from eshop_chassis.dtm.branch import Branch, BranchRefusal, Fault, stored_refusals
from eshop_chassis.mysql.database import execute, fetch
from protoc_gen_fastapi.runtime import Call, InvalidArgument, Refused, Unavailable

FAULTS = [Fault("order-1", "OUT_OF_STOCK", "only 3 are left"), Fault("order-2", "UNKNOWN_PRODUCT", "not for sale")]


def branch(gid: str, op: str = "action", branch_id: str = "01") -> Branch:
    told = {"dtm-gid": gid, "dtm-branch_id": branch_id, "dtm-op": op, "dtm-trans_type": "saga"}
    return Branch(Call.local(told), undo=told["dtm-op"] == "compensate")


async def add(tx) -> None:
    await execute(tx, "INSERT INTO trial (id, num) VALUES (1, 1) ON DUPLICATE KEY UPDATE num = num + 1")


async def refuse(tx) -> None:
    await add(tx)
    raise BranchRefusal(FAULTS)


async def number(db) -> int:
    rows = await db.run(lambda tx: fetch(tx, "SELECT num FROM trial WHERE id = 1"))
    return rows[0][0] if rows else 0


def answer(error: Refused) -> tuple[object, ...]:
    """All that a caller sees of it."""
    return type(error).status, error.http_status, error.message, error.code, error.short


@pytest.mark.parts
async def test_a_branch_counts_once_however_often_it_is_called(db):
    gid = random_gid()
    assert not await branch(gid).decided(db)
    await asyncio.gather(*(branch(gid).once(db, add) for _ in range(5)))
    assert await number(db) == 1
    assert await branch(gid).decided(db)
    assert branch(gid).reference == f"{gid}/01"


@pytest.mark.parts
async def test_a_refused_branch_leaves_nothing_but_its_reasons_and_a_repeated_call_gets_the_same_answer(db):
    gid = random_gid()
    with pytest.raises(BranchRefusal) as first:
        await branch(gid).once(db, refuse)
    with pytest.raises(Refused) as second:
        await branch(gid).once(db, add)
    assert answer(first.value) == answer(second.value)
    assert answer(second.value)[2:] == ("only 3 are left", 10409, "OUT_OF_STOCK")
    assert await number(db) == 0
    stored = await stored_refusals(db, gid)
    assert [(r.orderID, r.code, r.reason) for r in stored.refusals] == [
        ("order-1", "OUT_OF_STOCK", "only 3 are left"),
        ("order-2", "UNKNOWN_PRODUCT", "not for sale"),
    ]
    assert not (await stored_refusals(db, random_gid())).refusals


@pytest.mark.parts
async def test_the_answer_is_repeated_for_each_branch_of_a_saga_by_itself(db):
    gid = random_gid()
    for branch_id, fault in (("01", FAULTS[0]), ("02", FAULTS[1])):

        async def refuse_one(tx, fault=fault):
            raise BranchRefusal([fault])

        for _ in range(2):
            with pytest.raises(Refused) as told:
                await branch(gid, branch_id=branch_id).once(db, refuse_one)
            assert told.value.short == fault.code


@pytest.mark.parts
async def test_an_action_that_comes_after_its_undo_is_refused(db):
    gid = random_gid()
    await branch(gid, "compensate").once(db, add)
    for _ in range(2):
        with pytest.raises(Refused) as told:
            await branch(gid).once(db, add)
        assert (told.value.message, told.value.short, told.value.code) == ("undone", "undone", 10409)
    assert await number(db) == 0


@pytest.mark.parts
async def test_a_very_long_reason_is_cut_and_a_repeated_order_is_stored_once(db):
    gid = random_gid()

    async def refuse_twice(tx):
        raise BranchRefusal([Fault("order", "LONG", "x" * 600), Fault("order", "AGAIN", "y")])

    with pytest.raises(BranchRefusal):
        await branch(gid).once(db, refuse_twice)
    [kept] = (await stored_refusals(db, gid)).refusals
    assert (kept.code, kept.reason) == ("LONG", "x" * 500)


@pytest.mark.parts
async def test_a_branch_fails_at_once_while_mysql_is_known_to_be_away(db):
    db._away = True
    with pytest.raises(Unavailable):
        await branch(random_gid()).once(db, add)


@pytest.mark.parametrize("missing", ["dtm-gid", "dtm-branch_id", "dtm-op", "dtm-trans_type"])
def test_a_call_that_is_not_dtm_s_is_refused_by_name(missing):
    told = {"dtm-gid": "g", "dtm-branch_id": "01", "dtm-op": "action", "dtm-trans_type": "saga"}
    del told[missing]
    with pytest.raises(InvalidArgument, match=f"^gid: .*{missing} is missing"):
        Branch(Call.local(told))


@pytest.mark.parametrize(("op", "undo"), [("action", True), ("compensate", False)])
def test_an_undo_is_no_action_and_an_action_no_undo(op: str, undo: bool):
    told = {"dtm-gid": random_gid(), "dtm-branch_id": "01", "dtm-op": op, "dtm-trans_type": "saga"}
    with pytest.raises(Refused, match="does not fit"):
        Branch(Call.local(told), undo=undo)


async def test_a_gid_that_no_table_of_a_service_could_hold_is_refused_before_anything_is_asked():
    """DTM and its barrier take 128 characters, the tables of refusals and payments 64."""
    nobody: Any = None
    with pytest.raises(InvalidArgument, match="64 characters"):
        await branch("g" * 65).once(nobody, nobody)
