"""Calls as methods see them, and the tie between methods and paths."""

import time
from types import ModuleType

import pytest

from protoc_gen_fastapi.runtime import Call, rpc_path


def test_a_local_call_has_lower_case_keys_and_a_request_id() -> None:
    call = Call.local({"X-Request-ID": "abc", "X-Other": "g"})
    assert (call.request_id, call.metadata["x-other"], call.transport) == ("abc", "g", "local")
    assert call.remaining() is None


def test_request_ids_are_made_when_there_is_none() -> None:
    first, second = Call.local(), Call.local()
    assert first.request_id != second.request_id
    assert len(first.request_id) == 24


@pytest.mark.parametrize("given", ["", "a\n", "a/b", "ä", "x" * 65])
def test_malformed_request_ids_are_not_passed_on(given: str) -> None:
    call = Call.local({"x-request-id": given})
    assert call.request_id != given
    assert call.outgoing() == (("x-request-id", call.request_id),)


def test_the_remaining_time_never_falls_below_zero() -> None:
    assert 0 < (Call.local(timeout=60).remaining() or 0) <= 60
    call = Call.local(timeout=0.01)
    time.sleep(0.02)
    assert call.remaining() == 0


def test_a_method_knows_its_path(api: ModuleType) -> None:
    assert rpc_path(api.ZooKeeperApi.buy_animal) == "/example.zoo.v1.zooKeeper/BuyAnimal"
    assert rpc_path(api.ZooKeeperClient.buy_animal) == api.BUY_ANIMAL


def test_other_functions_have_no_path() -> None:
    with pytest.raises(TypeError, match="not a method of a generated API"):
        rpc_path(print)


async def test_an_api_may_implement_some_methods_only(api: ModuleType, pb: ModuleType) -> None:
    class Partial(api.ZooKeeperApi):
        pass

    with pytest.raises(NotImplementedError):
        await Partial().count(pb.CountRequest(), Call.local())


def test_an_idempotency_key_travels_on_where_it_is_sound() -> None:
    key = "!" * 255
    assert Call.local({"Idempotency-Key": key}).outgoing()[1:] == (("idempotency-key", key),)
    for bad in ("", "!" * 256, "ö", "a\nb"):
        assert len(Call.local({"idempotency-key": bad}).outgoing()) == 1
