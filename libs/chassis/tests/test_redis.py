"""Redis: a client that repeats nothing by itself, limits its connections, and survives a restart of the server."""

import asyncio
import time
import uuid

import pytest
import redis.exceptions
from chassis_trial import parts
from chassis_trial.proxy import proxy_to

from eshop_chassis.readiness import MissingError
from eshop_chassis.redis.client import check_redis, open_redis

pytestmark = pytest.mark.parts


@pytest.fixture
async def far():
    """(proxy, client behind it)"""
    settings = parts.redis()
    async with (
        proxy_to(settings.redis_host, settings.redis_port) as proxy,
        open_redis(parts.redis(redis_port=proxy.port, redis_pool_size=5)) as client,
    ):
        yield proxy, client


@pytest.fixture
async def key():
    made = f"chassis-test:{uuid.uuid4().hex}"
    yield made
    async with open_redis(parts.redis()) as client:
        await client.delete(made)


async def test_replies_are_text(far, key):
    _, client = far
    await client.set(key, "Ü", ex=60)
    assert await client.get(key) == "Ü"


async def test_a_rush_shares_the_connections_there_are(far, key):
    proxy, client = far
    counts = await asyncio.gather(*(client.incr(key) for _ in range(300)))
    assert sorted(counts) == list(range(1, 301))
    assert proxy.connections == 5


async def test_a_script_whose_reply_is_lost_has_run_once_and_is_not_sent_again(far, key):
    proxy, client = far
    await client.set(key, 0, ex=60)
    proxy.hold_replies()
    lost = asyncio.create_task(client.eval("return redis.call('INCR', KEYS[1])", 1, key))
    await asyncio.sleep(0.05)
    proxy.cut()
    with pytest.raises(redis.exceptions.ConnectionError):
        await lost
    proxy.thaw()
    assert await client.get(key) == "1"


async def test_connections_that_a_restart_has_closed_are_replaced_before_they_fail_anybody(far, key):
    proxy, client = far
    await asyncio.gather(*(client.incr(key) for _ in range(20)))
    await proxy.go()
    await proxy.come()
    await asyncio.sleep(0.05)
    assert sorted(await asyncio.gather(*(client.incr(key) for _ in range(20)))) == list(range(21, 41))


async def test_a_redis_that_is_away_is_told_at_once_and_found_again(far):
    proxy, client = far
    await check_redis(client)
    await proxy.go()
    begin = time.monotonic()
    with pytest.raises(redis.exceptions.ConnectionError):
        await client.get("x")
    with pytest.raises(MissingError, match=rf"127.0.0.1:{proxy.port}: .*; see ESHOP_REDIS_HOST, _PORT and _PASSWORD"):
        await check_redis(client)
    assert time.monotonic() - begin < 1.8  # less than one redis_timeout
    await proxy.come()
    await check_redis(client)


async def test_a_redis_that_hangs_is_given_up_after_the_set_time():
    settings = parts.redis()
    async with (
        proxy_to(settings.redis_host, settings.redis_port) as proxy,
        open_redis(parts.redis(redis_port=proxy.port, redis_timeout=0.3)) as client,
    ):
        await client.get("x")
        proxy.freeze()
        begin = time.monotonic()
        with pytest.raises(redis.exceptions.TimeoutError):
            await client.get("x")
        assert 0.2 < time.monotonic() - begin < 20


async def test_a_wrong_password_says_which_settings_to_look_at():
    async with open_redis(parts.redis(redis_password="wrong")) as client:
        with pytest.raises(MissingError, match="see ESHOP_REDIS_HOST, _PORT and _PASSWORD"):
            await check_redis(client)
