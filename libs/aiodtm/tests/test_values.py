"""Gids, the identity of a branch, sizes, errors: everything that needs no server."""

import grpc
import pytest
from google.protobuf.wrappers_pb2 import StringValue
from hypothesis import given
from hypothesis import strategies as st

import aiodtm
from aiodtm import (
    Barrier,
    BranchRefused,
    BranchRunning,
    InvalidTransaction,
    NotABranch,
    OptionsTooLarge,
    PayloadTooLarge,
    Step,
    branch_status,
    random_gid,
)
from aiodtm._outcome import refusal
from aiodtm.testing import InMemoryDtm

METADATA = {"dtm-gid": "g-1", "dtm-trans_type": "saga", "dtm-branch_id": "01", "dtm-op": "action", "dtm-dtm": ""}


@given(st.text(alphabet="0123456789abcdefghijklmnopqrstuvwxyz-", max_size=101))
def test_a_gid_is_random_first_and_fits(suffix):
    gid = random_gid(suffix)
    assert len(gid) <= 128
    assert set(gid) <= set("0123456789abcdefghijklmnopqrstuvwxyz-")
    assert gid != random_gid(suffix)
    assert gid.endswith(suffix)


@pytest.mark.parametrize("suffix", ["A", "a" * 102, "a_b", "a'", "ä"])
def test_a_suffix_that_does_not_fit_is_refused(suffix):
    with pytest.raises(InvalidTransaction):
        random_gid(suffix)


@pytest.mark.parametrize("gid", ["", "a" * 129, "a;b", "a'b", "a b", "a\n"])
def test_a_gid_that_could_hurt_is_refused(gid):
    with pytest.raises(InvalidTransaction):
        InMemoryDtm().saga(gid)


def test_a_barrier_is_read_from_the_metadata():
    assert Barrier.from_metadata(METADATA) == Barrier("g-1", "saga", "01", "action")
    assert Barrier.from_metadata({**METADATA, "dtm-op": "compensate"}).undoes == "action"


@pytest.mark.parametrize("key", ["dtm-gid", "dtm-trans_type", "dtm-branch_id", "dtm-op"])
def test_a_call_without_its_metadata_names_the_key(key):
    with pytest.raises(NotABranch, match=f"{key} is missing"):
        Barrier.from_metadata({k: v for k, v in METADATA.items() if k != key})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("dtm-gid", "x" * 129),
        ("dtm-gid", "a'; DROP TABLE"),
        ("dtm-gid", "a\n"),
        ("dtm-branch_id", "01x"),
        ("dtm-branch_id", "0" * 21),
        ("dtm-op", "drop"),
        ("dtm-trans_type", "other"),
    ],
)
def test_metadata_that_dtm_never_sends_is_refused(key, value):
    with pytest.raises(NotABranch, match=key):
        Barrier.from_metadata({**METADATA, key: value})


def test_a_payload_above_the_bound_is_refused():
    saga = InMemoryDtm().saga(random_gid())
    saga.step(Step("h:1/s/A", "h:1/s/B", b"x" * 65_535))
    with pytest.raises(PayloadTooLarge, match="65,536"):
        saga.step(Step("h:1/s/A", "h:1/s/B", b"x" * 65_536))
    with pytest.raises(PayloadTooLarge):
        saga.step(Step("h:1/s/A", "h:1/s/B", StringValue(value="x" * 65_535)))


@pytest.mark.parametrize("payload", [{"cents": 3}, "text", None])
def test_a_payload_that_is_neither_bytes_nor_a_message_is_told_so(payload):
    with pytest.raises(InvalidTransaction, match=r"json.dumps\(...\).encode\(\)"):
        InMemoryDtm().saga(random_gid()).step(Step("h:1/s/A", "", payload))
    with pytest.raises(InvalidTransaction, match=type(payload).__name__):
        InMemoryDtm().message(random_gid(), "h:1/s/Back").step("h:1/s/A", payload)


async def test_what_was_submitted_changes_no_more():
    saga = InMemoryDtm().saga(random_gid())
    saga.step(Step("h:1/s/A", "", b""))
    saga.step(Step("h:1/s/B", "", b""))
    await saga.submit(0.05)
    for change in (saga.concurrent, lambda: saga.order(1, after=[0])):
        with pytest.raises(InvalidTransaction, match="submitted"):
            change()
    message = InMemoryDtm().message(random_gid(), "h:1/s/Back")
    message.step("h:1/s/A", b"")
    await message.prepare()
    with pytest.raises(InvalidTransaction, match="prepared"):
        message.delay(3)


async def test_an_order_of_steps_needs_a_concurrent_saga():
    saga = InMemoryDtm().saga(random_gid())
    saga.step(Step("h:1/s/A", "", b""))
    saga.step(Step("h:1/s/B", "", b""))
    saga.order(1, after=[0])
    with pytest.raises(InvalidTransaction, match="concurrent"):
        await saga.submit()


@pytest.mark.parametrize("seconds", [-1, 0.5, "3"])
def test_seconds_are_whole_and_not_negative(seconds):
    for option in ("retry_interval", "request_timeout"):
        with pytest.raises(InvalidTransaction, match="whole number of seconds"):
            InMemoryDtm().saga(random_gid(), **{option: seconds})
        with pytest.raises(InvalidTransaction, match="whole number of seconds"):
            InMemoryDtm().message(random_gid(), "h:1/s/Back", **{option: seconds})


@pytest.mark.parametrize("part", ["", "x" * 46, "a b"])
def test_a_part_that_the_table_could_not_hold_is_refused(part):
    with pytest.raises(InvalidTransaction):
        Barrier("g-1", "saga", "01", "action").part(part)


@pytest.mark.parametrize("url", ["", "h:1", "dns:///h:1/s/A", "h:1/" + "s" * 1024])
def test_an_address_that_dtm_could_not_use_is_refused(url):
    saga = InMemoryDtm().saga(random_gid())
    with pytest.raises(InvalidTransaction):
        saga.step(Step(url, "", b""))


def test_dns_addresses_and_missing_undos_are_fine():
    InMemoryDtm().saga(random_gid()).step(Step("dns:stock:30382/s/A", "", b""))


@pytest.mark.parametrize("name", ["X-Id", "dtm-gid", "grpc-timeout", "x-bin", "a b", ""])
def test_a_header_that_grpc_could_not_carry_is_refused(name):
    with pytest.raises(InvalidTransaction):
        InMemoryDtm().saga(random_gid(), {name: "v"})
    with pytest.raises(InvalidTransaction):
        InMemoryDtm().saga(random_gid(), {"x-id": "ä\n"})


async def test_orders_that_mysql_could_not_store_are_refused():
    saga = InMemoryDtm().saga(random_gid())
    saga.concurrent()
    for step in range(60):
        saga.step(Step("h:1/s/A", "", b""))
        saga.order(step, after=list(range(step)))
    with pytest.raises(OptionsTooLarge):
        await saga.submit()


async def test_a_saga_has_one_to_ninety_nine_steps():
    saga = InMemoryDtm().saga(random_gid())
    with pytest.raises(InvalidTransaction, match="not 0"):
        await saga.submit()
    for _ in range(100):
        saga.step(Step("h:1/s/A", "", b""))
    with pytest.raises(InvalidTransaction, match="not 100"):
        await saga.submit()


@pytest.mark.parametrize(("step", "after"), [(1, [1]), (1, [2]), (5, [0]), (1, [-1])])
def test_a_step_comes_after_earlier_ones_only(step, after):
    saga = InMemoryDtm().saga(random_gid())
    for _ in range(3):
        saga.step(Step("h:1/s/A", "", b""))
    with pytest.raises(InvalidTransaction):
        saga.order(step, after=after)


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        ("url:127.0.0.1:1/s/A return failed: OUT_OF_STOCK FAILURE", "OUT_OF_STOCK"),
        ("url:127.0.0.1:1/s/A return failed:  FAILURE", ""),
        ("Timeout after 4 seconds", "Timeout after 4 seconds"),
        ("", ""),
    ],
)
def test_the_reason_is_what_the_branch_said(reason, text):
    assert refusal(reason)[1] == text


def test_errors_have_their_docstring_as_message():
    assert str(PayloadTooLarge("70,000")) == (
        "the payload of a step is larger than the 65,535 bytes that DTM stores in MySQL: 70,000"
    )
    for name in aiodtm.__all__:
        error = getattr(aiodtm, name)
        if isinstance(error, type) and issubclass(error, aiodtm.AiodtmError):
            assert str(error()), name


def test_branches_answer_by_one_table():
    assert branch_status(BranchRefused("NO")) == (grpc.StatusCode.ABORTED, "NO")
    assert branch_status(BranchRunning("soon")) == (grpc.StatusCode.FAILED_PRECONDITION, "soon")
    assert branch_status(RuntimeError("x"))[0] == grpc.StatusCode.INTERNAL
    assert len(branch_status(BranchRefused("x" * 2000))[1]) == 200
