"""Branches as DTM calls them: repeated, out of turn, at the same time, misaddressed. Each acts once, or not at all."""

import asyncio
import contextlib

import fresh
import pytest
from branch_pairs import PAIRS, Pair, other_than
from databases import Databases
from transports import Branch, CallError, Transport, failing

each_pair = pytest.mark.parametrize("pair", PAIRS, ids=str)


@each_pair
async def test_a_branch_that_is_called_three_times_acts_once(pair: Pair, on: Transport, db: Databases) -> None:
    fields, branch = await pair.fields(on), Branch(fresh.gid())

    for _ in range(3):
        await pair.act(on, branch, fields)
        assert pair.look(db, fields) == pair.done

    for _ in range(3):
        await pair.take_back(on, branch, fields)
        assert pair.look(db, fields) == pair.idle


@each_pair
async def test_a_branch_that_is_called_five_times_at_once_acts_once(pair: Pair, on: Transport, db: Databases) -> None:
    fields, branch = await pair.fields(on), Branch(fresh.gid())

    await asyncio.gather(*(pair.act(on, branch, fields) for _ in range(5)))

    assert pair.look(db, fields) == pair.done
    await pair.take_back(on, branch, fields)
    assert pair.look(db, fields) == pair.idle


@each_pair
async def test_an_undo_takes_back_what_its_action_did_whatever_it_is_told(
    pair: Pair, on: Transport, db: Databases
) -> None:
    fields, branch = await pair.fields(on), Branch(fresh.gid())
    await pair.act(on, branch, fields)

    await pair.take_back(on, branch, other_than(fields))

    assert pair.look(db, fields) == pair.idle


@each_pair
@pytest.mark.parametrize("same_gid", [True, False], ids=["another branch", "another transaction"])
async def test_an_undo_leaves_alone_what_others_did_whatever_it_is_told(
    pair: Pair, on: Transport, db: Databases, same_gid: bool
) -> None:
    mine, theirs = await pair.fields(on), await pair.fields(on)
    branch = Branch(fresh.gid(), branch_id="01")
    other = Branch(branch.gid if same_gid else fresh.gid(), branch_id="03")
    await pair.act(on, branch, mine)
    await pair.act(on, other, theirs)

    await pair.take_back(on, branch, theirs)

    assert (pair.look(db, mine), pair.look(db, theirs)) == (pair.idle, pair.done)
    await pair.take_back(on, other, mine)
    assert pair.look(db, theirs) == pair.idle


@each_pair
async def test_an_action_that_comes_after_its_own_undo_is_refused(pair: Pair, on: Transport, db: Databases) -> None:
    fields, branch = await pair.fields(on), Branch(fresh.gid())

    await pair.take_back(on, branch, fields)
    assert pair.look(db, fields) == pair.idle

    for _ in range(2):
        with failing("ABORTED"):
            await pair.act(on, branch, fields)
    assert pair.look(db, fields) == pair.idle


@each_pair
async def test_an_action_and_its_undo_at_the_same_time_leave_nothing(pair: Pair, on: Transport, db: Databases) -> None:
    fields, branch = await pair.fields(on), Branch(fresh.gid())

    _, undone = await asyncio.gather(
        pair.act(on, branch, fields), pair.take_back(on, branch, fields), return_exceptions=True
    )

    assert undone == {}, "an undo never refuses"
    assert pair.look(db, fields) == pair.idle


@each_pair
async def test_a_repeated_action_after_the_undo_does_nothing(pair: Pair, on: Transport, db: Databases) -> None:
    fields, branch = await pair.fields(on), Branch(fresh.gid())
    await pair.act(on, branch, fields)
    await pair.take_back(on, branch, fields)

    with contextlib.suppress(CallError):
        await pair.act(on, branch, fields)

    assert pair.look(db, fields) == pair.idle


@each_pair
async def test_a_branch_that_nobody_names_is_refused(pair: Pair, on: Transport, db: Databases) -> None:
    fields = await pair.fields(on)

    with failing("INVALID_ARGUMENT", "gid"):
        await pair.act(on, None, fields)
    with failing("INVALID_ARGUMENT", "gid"):
        await pair.take_back(on, None, fields)

    assert pair.look(db, fields) == pair.idle


@each_pair
async def test_a_branch_with_a_broken_payload_reaches_dtm_as_a_refusal(
    pair: Pair, on: Transport, db: Databases
) -> None:
    fields, branch = await pair.fields(on), Branch(fresh.gid())

    with failing("ABORTED"):
        await pair.act(on, branch, {**fields, **pair.broken})

    assert pair.look(db, fields) == pair.idle


@each_pair
async def test_an_undo_with_a_broken_payload_is_not_refused(pair: Pair, on: Transport) -> None:
    fields, branch = await pair.fields(on), Branch(fresh.gid())

    assert await pair.take_back(on, branch, {**fields, **pair.broken}) == {}


@each_pair
@pytest.mark.parametrize(
    "branch",
    [
        Branch("g'; DROP TABLE barrier; --"),
        Branch("g" * 65),
        Branch(fresh.gid(), op="explode"),
        Branch(fresh.gid(), trans_type="theft"),
        Branch(fresh.gid(), branch_id="one"),
        Branch(fresh.gid(), branch_id=""),
    ],
    ids=["SQL in the gid", "long gid", "unknown op", "unknown type", "odd branch", "no branch"],
)
async def test_a_branch_that_is_misnamed_is_refused_for_good(
    pair: Pair, branch: Branch, on: Transport, db: Databases
) -> None:
    fields = await pair.fields(on)

    with pytest.raises(CallError) as error:
        await pair.act(on, branch, fields)

    assert error.value.kind in ("ABORTED", "INVALID_ARGUMENT")
    assert pair.look(db, fields) == pair.idle


@each_pair
async def test_two_branches_of_one_transaction_are_two(pair: Pair, on: Transport, db: Databases) -> None:
    gid = fresh.gid()
    first, second = await pair.fields(on), await pair.fields(on)

    await pair.act(on, Branch(gid, branch_id="01"), first)
    await pair.act(on, Branch(gid, branch_id="02"), second)

    assert (pair.look(db, first), pair.look(db, second)) == (pair.done, pair.done)
    await pair.take_back(on, Branch(gid, branch_id="01"), first)
    await pair.take_back(on, Branch(gid, branch_id="02"), second)
    assert (pair.look(db, first), pair.look(db, second)) == (pair.idle, pair.idle)
