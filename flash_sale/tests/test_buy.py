"""Buying: a unit that was taken becomes one order in the queue, one that was not becomes none, whatever dies."""

import asyncio
import json
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from shop_in_memory.crash import dies_at
from shop_in_memory.sales import MemoryRedis, MemorySales

from aiodtm import random_gid
from aiodtm.testing import Fault, Plan
from eshop_flash_sale.buying import buy
from eshop_flash_sale.sale import UNDONE
from eshop_protos.flash_sale.v1 import flash_sale_pb2 as pb
from protoc_gen_fastapi.runtime import Call, Refused, Unavailable

from .shelf import MemoryShelf
from .stall import IDS, Stall, deliver, taken


async def test_a_buyer_is_told_the_order_that_is_in_the_queue(stall: Stall, product: int):
    await stall.shelf.opened(product, 10)
    reply = await stall.buy(product)
    assert reply.status == "accepted"
    assert IDS.kind(reply.orderID) == "f"
    [message] = stall.queue.messages
    assert message.key == reply.orderID
    assert json.loads(message.value) == {
        "userID": 7,
        "productID": product,
        "productCount": 1,
        "amount": 100,
        "couponID": 0,
        "orderID": reply.orderID,
    }
    assert await taken(stall.shelf, product) == [reply.orderID]


@pytest.mark.parametrize(
    ("stock", "limit", "code", "short"),
    [(None, 0, 30024, "NOT_ON_SALE"), (0, 0, 30023, "SOLD_OUT"), (5, 1, 30025, "LIMIT_REACHED")],
)
async def test_a_refused_buyer_is_told_why(stall: Stall, product: int, stock, limit, code, short):
    if stock is not None:
        await stall.shelf.opened(product, stock, limit=limit)
    if limit:
        await stall.buy(product)
    with pytest.raises(Refused) as caught:
        await stall.buy(product)
    assert (caught.value.code, caught.value.short) == (code, short)
    await stall.settle()
    assert len(stall.queued()) == len(await taken(stall.shelf, product)) == bool(limit)


async def test_who_bought_nothing_and_wants_more_than_the_limit_is_told_the_limit(stall: Stall, product: int):
    await stall.shelf.opened(product, 5, limit=2)
    item = pb.TakeItem(orderID="o1", userID=7, productID=product, productCount=3)
    request = pb.TakeManyRequest(items=[item], gid=random_gid(), branchID="02")
    for _ in range(2):
        [refusal] = (await stall.client.take_many(request, Call.local())).refusals
        assert (refusal.code, refusal.reason) == (
            "LIMIT_REACHED",
            f"product {product}: at most 2 per buyer in this flash sale; you have bought 0 and asked for 3",
        )


async def test_of_many_at_once_as_many_are_accepted_as_there_are_units(stall: Stall, product: int):
    await stall.shelf.opened(product, 10)
    answers = await asyncio.gather(*(stall.buy(product, user) for user in range(1, 41)), return_exceptions=True)
    accepted = [answer.orderID for answer in answers if not isinstance(answer, BaseException)]
    assert len(accepted) == 10
    assert {a.code for a in answers if isinstance(a, Refused)} == {30023}
    assert sorted(stall.queued()) == sorted(accepted) == sorted(await taken(stall.shelf, product))
    assert len({arrival.gid for arrival in stall.dtm.arrivals}) < 10


async def test_in_one_batch_everybody_gets_their_own_answer(stall: Stall, product: int):
    await stall.shelf.opened(product, 2, limit=1)
    buyers = [pb.FlashSaleRequest(userID=user, productID=product, amount=100) for user in (1, 1, 2, 3)]
    request = pb.FlashSaleManyRequest(buyers=buyers, requestIDs=["a", "b", "c", "d"])
    results = (await stall.client.flash_sale_many(request, Call.local())).results
    assert [r.failure.short for r in results] == ["", "LIMIT_REACHED", "", "SOLD_OUT"]
    assert stall.queued() == [results[0].reply.orderID, results[2].reply.orderID]
    assert [message.headers["x-request-id"] for message in stall.queue.messages] == ["a", "c"]


async def test_who_comes_while_the_sale_is_being_set_is_told_to_try_again(stall: Stall, product: int):
    await stall.shelf.opened(product, 5)
    await stall.shelf.sales.close(product, "t1")
    with pytest.raises(Unavailable, match="being set"):
        await stall.buy(product)
    await stall.settle()
    assert stall.queued() == []


async def test_who_comes_while_the_sale_is_being_set_waits_a_moment(stall: Stall, product: int, monkeypatch):
    monkeypatch.setattr(buy, "CLOSED_WAIT_SECONDS", 60.0)
    await stall.shelf.opened(product, 5)
    await stall.shelf.sales.close(product, "t1")
    buying = asyncio.create_task(stall.buy(product))
    await asyncio.sleep(0.005)
    await stall.shelf.sales.open(product, "t1", 0, 0, 0)
    assert (await buying).status == "accepted"


class TestOnTheWay:
    """Messages that get lost, and processes that die."""

    @pytest.mark.parametrize("fate", ["lost", "reply_lost", "timeout"])
    async def test_a_submit_that_gets_lost_makes_one_order(self, stalls, product: int, fate):
        stall = stalls(Plan(submit=fate))
        await stall.shelf.opened(product, 5)
        reply = await stall.buy(product)
        assert reply.status in ("accepted", "running")
        await stall.settle()
        assert stall.queued() == await taken(stall.shelf, product) == [reply.orderID]

    @pytest.mark.parametrize("kind", ["lost", "reply_lost", "late", "crash_before", "crash_after"])
    async def test_a_delivery_that_gets_lost_makes_one_order(self, stalls, product: int, kind):
        stall = stalls(Plan((Fault(kind, 1),)))
        await stall.shelf.opened(product, 5)
        reply = await stall.buy(product)
        await stall.settle()
        assert stall.queued() == await taken(stall.shelf, product) == [reply.orderID]

    async def test_while_the_queue_is_away_the_order_is_running(self, stall: Stall, product: int):
        await stall.shelf.opened(product, 5)
        stall.queue.down = True
        reply = await stall.buy(product)
        assert (reply.status, stall.queued(), stall.orders.noted) == ("running", [], [reply.orderID])
        stall.queue.down = False
        await stall.settle()
        assert stall.queued() == [reply.orderID]

    async def test_a_queue_that_is_slow_does_not_make_buyers_wait_longer_than_they_may(
        self, stall: Stall, product: int, monkeypatch
    ):
        await stall.shelf.opened(product, 5)
        monkeypatch.setattr(buy, "LEAST_WAIT_SECONDS", 0.05)
        send, slow = stall.queue.send_many, asyncio.Event()

        async def send_slowly(*args: Any) -> None:
            await slow.wait()
            await send(*args)

        monkeypatch.setattr(stall.queue, "send_many", send_slowly)
        begun = asyncio.get_running_loop().time()
        reply = await stall.buy(product)
        assert reply.status == "running"
        assert asyncio.get_running_loop().time() - begun < 1
        assert stall.delivery._drain.delivering, "it may still get into the queue"
        slow.set()
        await stall.settle()
        assert stall.queued() == [reply.orderID]

    async def test_nobody_is_told_of_a_running_order_that_is_noted_nowhere(self, stall: Stall, product: int):
        await stall.shelf.opened(product, 5)
        stall.queue.down = stall.orders.down = True
        with pytest.raises(Unavailable):
            await stall.buy(product)

    async def test_a_lost_reply_of_redis_takes_one_unit(self, stall: Stall, product: int, monkeypatch):
        await stall.shelf.opened(product, 5)
        take, calls = stall.shelf.sales.take_each, count(1)

        async def take_and_lose_the_reply(*args: Any, **kwargs: Any) -> Any:
            answer = await take(*args, **kwargs)
            if next(calls) == 1:
                raise RedisConnectionError("lost")
            return answer

        monkeypatch.setattr(stall.shelf.sales, "take_each", take_and_lose_the_reply)
        reply = await stall.buy(product)
        assert stall.queued() == await taken(stall.shelf, product) == [reply.orderID]

    async def test_a_redis_that_stays_away_leaves_it_to_the_check_back(self, stall: Stall, product: int, monkeypatch):
        await stall.shelf.opened(product, 5)
        take = stall.shelf.sales.take_each

        async def take_and_lose_every_reply(*args: Any, **kwargs: Any) -> Any:
            await take(*args, **kwargs)
            raise RedisConnectionError("lost")

        monkeypatch.setattr(stall.shelf.sales, "take_each", take_and_lose_every_reply)
        with pytest.raises(Unavailable):
            await stall.buy(product)
        await stall.settle()
        assert len(await taken(stall.shelf, product)) == 1
        assert stall.queued() == await taken(stall.shelf, product)

    async def test_dead_between_prepare_and_take_nothing_is_sold(self, stall: Stall, product: int, monkeypatch):
        await stall.shelf.opened(product, 5)
        take, late = stall.shelf.sales.take_each, []

        async def never_take(*args: Any, **kwargs: Any) -> Any:
            late.append((args, kwargs))
            await asyncio.Event().wait()

        monkeypatch.setattr(stall.shelf.sales, "take_each", never_take)
        dead = asyncio.create_task(stall.buy(product))
        await asyncio.sleep(0.02)
        await stall.settle()
        assert (stall.queued(), await taken(stall.shelf, product)) == ([], [])
        [(args, kwargs)] = late
        refused = (await take(*args, **kwargs)).refused
        assert set(refused.values()) == {UNDONE}
        assert (await stall.shelf.counters(product))[2] == 5
        dead.cancel()

    async def test_dead_between_take_and_submit_the_order_follows(self, stall: Stall, product: int, monkeypatch):
        await stall.shelf.opened(product, 5)

        async def never_write(*_args: Any) -> Any:
            await asyncio.Event().wait()

        monkeypatch.setattr(stall.delivery, "write", never_write)
        dead = asyncio.create_task(stall.buy(product))
        await asyncio.sleep(0.05)
        assert stall.queued() == []
        await stall.settle()
        assert len(stall.queued()) == 1
        assert stall.queued() == await taken(stall.shelf, product)
        dead.cancel()

    async def test_dead_between_queue_and_submit_the_order_is_there_once(self, stall: Stall, product: int, monkeypatch):
        await stall.shelf.opened(product, 5)

        async def never_finish(*_args: Any) -> Any:
            await asyncio.Event().wait()

        monkeypatch.setattr(stall.buying, "_finish", never_finish)
        reply = await stall.buy(product)
        assert (reply.status, stall.queued()) == ("accepted", [reply.orderID])
        stall.start()
        await stall.settle()
        assert stall.queued() == await taken(stall.shelf, product) == [reply.orderID]
        assert await stall.dtm.statuses() == ["succeed"]

    async def test_a_buyer_whose_order_is_in_the_queue_is_told_so_whatever_becomes_of_dtm(
        self, stalls: Callable[..., Stall], product: int
    ):
        stall = stalls(Plan(submit="lost"))
        await stall.shelf.opened(product, 5)
        assert (await stall.buy(product)).status == "accepted"
        await stall.settle()
        assert len(stall.queue.messages) == 1

    @pytest.mark.parametrize("again", ["the same process", "another process"])
    async def test_dtm_s_delivery_writes_nothing_that_the_seller_has_written(
        self, stall: Stall, product: int, again: str
    ):
        await stall.shelf.opened(product, 5)
        await stall.buy(product)
        await stall.settle()
        if again == "another process":
            stall.start()
        await deliver(stall, stall.dtm.made[0])
        assert len(stall.queue.messages) == 1

    async def test_what_is_under_way_is_known_until_the_queue_has_it(self, stall: Stall, product: int, monkeypatch):
        """A sale is set for a Redis that restarted only when these orders can be seen in the queue."""
        await stall.shelf.opened(product, 5)
        drain, seen = stall.delivery._drain, []
        take, write = stall.shelf.sales.take_each, stall.delivery.write

        async def seen_take(*args: Any) -> Any:
            seen.append(len(drain.delivering))
            return await take(*args)

        async def seen_write(*args: Any) -> Any:
            queued = await write(*args)
            seen.append(len(drain.delivering))
            return queued

        monkeypatch.setattr(stall.shelf.sales, "take_each", seen_take)
        monkeypatch.setattr(stall.delivery, "write", seen_write)
        await stall.buy(product)
        assert (seen, len(drain.delivering)) == ([1, 1], 0)

    async def test_dead_at_any_moment_units_and_orders_agree(self, stalls, product: int):
        for moment in count(1):
            sales = MemorySales()
            stall = stalls(on=MemoryShelf(sales, MemoryRedis(sales)))
            await stall.shelf.opened(product, 5)
            died = await dies_at(stall.sell(product), moment)
            await stall.settle()
            assert stall.queued() == await taken(stall.shelf, product)
            if not died:
                assert len(stall.queued()) == 1
                return

    async def test_a_lost_abort_sells_nothing(self, stall: Stall, product: int, monkeypatch):
        await stall.shelf.opened(product, 5, limit=1)
        await stall.buy(product)
        monkeypatch.setattr(stall.messages, "abort", lambda _message: None)
        with pytest.raises(Refused):
            await stall.buy(product)
        await stall.settle()
        assert len(stall.queued()) == 1


async def test_long_request_ids_travel_with_their_orders(stall: Stall, product: int):
    await stall.shelf.opened(product, 600)
    request = pb.FlashSaleRequest(userID=7, productID=product, amount=2**32 - 1)
    answers = await stall.buying.buy_many([request] * 500, [f"{n}".rjust(64, "r") for n in range(500)])
    assert [type(answer) for answer in answers] == [buy.Accepted] * 500
    assert len(stall.queued()) == 500
    assert {json.loads(message.value)["amount"] for message in stall.queue.messages} == {2**32 - 1}
    assert len({message.headers["x-request-id"] for message in stall.queue.messages}) == 500
