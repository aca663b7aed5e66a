"""The barrier on a real Redis: lost scripts, lost replies, expiry, hash slots, scripts that break off."""

from collections.abc import AsyncGenerator
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

from aiodtm import Barrier, KeysApart, RedisBarrier, random_gid
from aiodtm.redis import Guarded, once_each, stored_each

COUNT = """
local function business(KEYS, ARGV, earlier)
    local n = redis.call('INCR', KEYS[1])
    if ARGV[1] == 'break' then
        error('broken')
    end
    return ARGV[1], n .. ':' .. table.concat(KEYS, ',') .. ':' .. table.concat(ARGV, ',') .. ':' .. (earlier or '')
end
"""

pytestmark = pytest.mark.parts


@pytest.fixture
async def slot(redis: Redis) -> AsyncGenerator[str]:
    slot = f"aiodtm-test:{{{random_gid()}}}"
    yield slot
    await redis.delete(*[key async for key in redis.scan_iter(f"{slot}:*")], slot)


def barrier(slot: str, op: str = "action", gid: str = "g1", ttl: int = 60) -> RedisBarrier:
    return RedisBarrier(Barrier(gid, "saga", "01", op), slot, ttl)


async def test_business_gets_its_own_keys_and_args_counted_from_one(redis, slot):
    outcome = await barrier(slot).once(redis, COUNT, [f"{slot}:n", f"{slot}:m"], ["ok", 7])
    assert (outcome.state, outcome.result) == ("ok", f"1:{slot}:n,{slot}:m:ok,7:")


async def test_an_undo_gets_the_result_of_its_action(redis, slot):
    done = await barrier(slot).once(redis, COUNT, [f"{slot}:n"], ["ok"])
    undone = await barrier(slot, "compensate").once(redis, COUNT, [f"{slot}:n"], ["ok"])
    assert undone.result == f"2:{slot}:n:ok:{done.result}"


async def test_states_and_repetitions_are_told_apart(redis, slot):
    keys = [f"{slot}:n"]
    said = [
        await barrier(slot, op, gid).once(redis, COUNT, keys, [status])
        for gid, op, status in [
            ("g1", "action", "ok"),
            ("g1", "action", "ok"),
            ("g1", "compensate", "ok"),
            ("g1", "compensate", "ok"),
            ("g2", "action", "refused"),
            ("g2", "compensate", "ok"),
            ("g3", "compensate", "ok"),
            ("g3", "action", "ok"),
        ]
    ]
    assert [(o.state, o.repeated) for o in said] == [
        ("ok", False),
        ("ok", True),
        ("ok", False),
        ("ok", True),
        ("refused", False),
        ("empty", False),
        ("empty", False),
        ("undone", True),
    ]
    assert await redis.get(f"{slot}:n") == b"3"


async def test_a_redis_that_lost_its_scripts_gets_them_again(redis, slot):
    await barrier(slot).once(redis, COUNT, [f"{slot}:n"], ["ok"])
    await redis.script_flush()
    assert (await barrier(slot).once(redis, COUNT, [f"{slot}:n"], ["ok"])).repeated


async def test_every_outcome_expires(redis, slot):
    for gid, op in (("g1", "action"), ("g1", "compensate"), ("g2", "compensate")):
        await barrier(slot, op, gid).once(redis, COUNT, [f"{slot}:n"], ["ok"])
    await RedisBarrier(Barrier.of_message("g3"), slot, 60).query_prepared(redis)
    keys = [key async for key in redis.scan_iter(f"{slot}:barrier:*")]
    assert len(keys) == 5
    assert {50 <= await redis.ttl(key) <= 60 for key in keys} == {True}


async def test_a_stored_outcome_can_be_read_without_deciding_anything(redis, slot):
    assert await barrier(slot).stored(redis) is None
    done = await barrier(slot).once(redis, COUNT, [f"{slot}:n"], ["ok"])
    found = await barrier(slot).stored(redis)
    assert found is not None
    assert (found.state, found.result, found.repeated) == ("ok", done.result, True)


async def test_results_may_hold_any_text(redis, slot):
    odd = "a:b\nc é {}"
    script = "local function business(KEYS, ARGV) return 'ok', ARGV[1] end"
    await barrier(slot).once(redis, script, [], [odd])
    assert (await barrier(slot).once(redis, script, [], [odd])).result == odd


async def test_a_script_that_breaks_off_stores_no_outcome(redis, slot):
    with pytest.raises(ResponseError, match="broken"):
        await barrier(slot).once(redis, COUNT, [f"{slot}:n"], ["break"])
    assert not (await barrier(slot).once(redis, COUNT, [f"{slot}:n"], ["ok"])).repeated


@pytest.mark.parametrize(("op", "status"), [("action", "maybe"), ("compensate", "refused")])
async def test_a_status_that_makes_no_sense_is_an_error(redis, slot, op, status):
    await barrier(slot, "action", "g1").once(redis, COUNT, [f"{slot}:n"], ["ok"])
    gid = "g1" if op == "compensate" else "g2"
    with pytest.raises(ResponseError, match="BADSTATUS"):
        await barrier(slot, op, gid).once(redis, COUNT, [f"{slot}:n"], [status])


async def test_keys_in_another_slot_are_refused(redis, slot):
    with pytest.raises(KeysApart, match="other"):
        await barrier(slot).once(redis, COUNT, ["other:{8}:n"], ["ok"])
    with pytest.raises(KeysApart, match="no hash tag"):
        barrier("flash:7")


class TestSeveralInOneRoundTrip:
    async def test_each_has_its_own_outcome_and_an_error_stops_no_other(self, redis, slot):
        slots = [f"{slot}{{{n}}}" for n in range(3)]
        calls = [
            Guarded(barrier(own), [f"{own}:n"], [said])
            for own, said in zip(slots, ["ok", "break", "refused"], strict=True)
        ]
        await redis.script_flush()
        for repeated in (False, True):
            outcomes: list[Any] = await once_each(redis, COUNT, calls)
            done, broken, refused = outcomes
            assert isinstance(broken, ResponseError)
            assert [(o.state, o.repeated) for o in (done, refused)] == [("ok", repeated), ("refused", repeated)]
        assert await stored_each(redis, [barrier(own) for own in slots]) == [done, None, refused]

    async def test_where_a_script_is_lost_between_two_of_them_each_runs_once(self, redis, slot):
        calls = [Guarded(barrier(slot, gid=f"g{n}"), [f"{slot}:n"], ["ok"]) for n in range(3)]
        await once_each(redis, COUNT, calls[:2])
        await redis.script_flush()
        outcomes: list[Any] = await once_each(redis, COUNT, calls)
        assert [o.repeated for o in outcomes] == [True, True, False]
        assert await redis.get(f"{slot}:n") == b"3"

    async def test_a_lost_connection_is_raised(self, redis, slot):
        calls = [Guarded(barrier(slot, gid=f"g{n}"), [f"{slot}:n"], ["ok"]) for n in range(2)]
        async with Redis(host="127.0.0.1", port=1) as nobody:
            with pytest.raises(RedisConnectionError):
                await once_each(nobody, COUNT, calls)
