"""Idempotency keys: each request is done once, and its answer stays the same. The store and its fake, and the story."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from shop_in_memory.database import MemoryDatabase
from shop_in_memory.keys import MemoryKeys
from shop_in_memory.parts import scratch_database
from shop_in_memory.shop import LEASE_SECONDS, Shop

from eshop_chassis import fingerprint
from eshop_chassis.mysql import Database
from eshop_order.idempotency.keys import Claim, Known
from eshop_order.idempotency.store import KeyStore
from eshop_protos.order.v1 import order_pb2 as pb
from protoc_gen_fastapi.runtime import Call, InvalidArgument, Refused, RpcError, Unavailable, Unprocessable

LEASE = 6.0
TWO_DAYS = 2 * 24 * 3600


class FakeBooks:
    def __init__(self) -> None:
        self.db, self.store = MemoryDatabase(), MemoryKeys()

    async def pass_time(self, seconds: int) -> None:
        self.store.now += seconds


class RealBooks:
    def __init__(self, db: Database) -> None:
        self.db, self.store = db, KeyStore()

    async def pass_time(self, seconds: int) -> None:
        sql = (
            "UPDATE idempotency_key SET claimed_at = claimed_at - INTERVAL %s SECOND,"
            " created_at = created_at - INTERVAL %s SECOND"
        )
        async with self.db.engine.begin() as tx:
            await tx.exec_driver_sql(sql, (seconds, seconds))


@pytest.fixture
async def books(backend: str | None) -> AsyncIterator[Any]:
    if backend is None:
        yield FakeBooks()
        return
    async with scratch_database(backend) as db:
        yield RealBooks(db)


async def run(books: Any, what: str, *args: Any) -> Any:
    return await books.db.run(lambda tx: getattr(books.store, what)(tx, *args))


def claim(order_id: str, **values: Any) -> Claim:
    made: dict[str, Any] = {"operation": "submit", "user_id": 7, "key": "k", "body": "a" * 64, **values}
    return Claim(order_id=order_id, **made)


class TestStore:
    async def test_a_key_is_claimed_once_for_each_user_and_operation(self, books):
        claims = [
            claim("o1"),
            claim("o2", user_id=8),
            claim("o3", operation="notify"),
            claim("o4", key="K"),
            claim("o5", key="k "),
        ]
        assert await run(books, "claim", claims) == {"o1", "o2", "o3", "o4", "o5"}
        assert await run(books, "claim", [claim("o6"), claim("o7", key="new"), claim("o8")]) == {"o7"}
        assert await run(books, "find", claim("o6"), LEASE) == Known("o1", "a" * 64, "", True, None)

    async def test_of_two_claims_of_one_key_in_one_batch_the_first_counts(self, books):
        assert await run(books, "claim", [claim("o1"), claim("o2")]) == {"o1"}

    async def test_an_unanswered_claim_can_be_taken_over_once_after_its_lease(self, books):
        await run(books, "claim", [claim("o1")])
        assert not await run(books, "take_over", "o1", LEASE)
        await books.pass_time(int(LEASE) + 1)
        assert not (await run(books, "find", claim("o2"), LEASE)).fresh
        assert [await run(books, "take_over", "o1", LEASE) for _ in range(2)] == [True, False]

    async def test_a_claim_that_was_let_go_can_be_taken_over_at_once(self, books):
        await run(books, "claim", [claim("o1")])
        await run(books, "let_go", "o1")
        assert await run(books, "take_over", "o1", LEASE)

    async def test_an_answered_claim_is_nobody_elses(self, books):
        await run(books, "claim", [claim("o1"), claim("o2", key="other")])
        await run(books, "answer", [("o1", "accepted")])
        await run(books, "let_go", "o1")
        await books.pass_time(3600)
        assert not await run(books, "take_over", "o1", LEASE)
        assert (await run(books, "find", claim("o3"), LEASE)).answer == "accepted"
        assert (await run(books, "find", claim("o3", key="other"), LEASE)).answer == ""

    async def test_keys_are_kept_for_two_days_and_then_forgotten(self, books):
        await run(books, "claim", [claim("o1")])
        await books.pass_time(TWO_DAYS - 60)
        await run(books, "claim", [claim("o2", key="young")])
        assert await run(books, "forget") == 0
        await books.pass_time(120)
        assert await run(books, "forget") == 1
        assert await run(books, "find", claim("o3"), LEASE) is None
        assert (await run(books, "find", claim("o3", key="young"), LEASE)).order_id == "o2"


def keyed(key: str = "k1") -> Call:
    return Call.local({"idempotency-key": key})


def submission(**values: int) -> pb.SubmitOrderRequest:
    return pb.SubmitOrderRequest(**{"userID": 7, "productID": 1, "productCount": 1, "amount": 100, **values})


def buffered(**values: int) -> pb.SendSubmitOrderNotifyRequest:
    return pb.SendSubmitOrderNotifyRequest(**{"userID": 7, "productID": 1, "productCount": 1, "amount": 100, **values})


class TestSubmit:
    async def test_the_same_request_again_gets_the_same_answer_and_makes_one_order(self, shop: Shop):
        await shop.offer(stock=5)
        first = await shop.client.submit(submission(), keyed())
        again = await shop.client.submit(submission(), keyed())
        assert (first.status, again) == ("confirmed", first)
        assert shop.stock_of(1) == 4
        shop.check()

    async def test_a_refusal_is_the_same_too_even_when_there_is_stock_again(self, shop: Shop):
        await shop.offer(stock=1)
        with pytest.raises(Refused) as first:
            await shop.client.submit(submission(productCount=2), keyed())
        await shop.stock_db.run_core(lambda tx: shop.stock.set_flash(tx, 1, 9, 0))
        with pytest.raises(Refused) as again:
            await shop.client.submit(submission(productCount=2), keyed())
        assert vars(again.value) == vars(first.value)
        assert again.value.data["status"] == "refused"

    async def test_another_body_under_the_key_is_refused(self, shop: Shop):
        await shop.offer(stock=5)
        await shop.client.submit(submission(), keyed())
        with pytest.raises(Unprocessable, match="Idempotency-Key") as caught:
            await shop.client.submit(submission(amount=101), keyed())
        assert caught.value.http_status == 422
        assert shop.stock_of(1) == 4

    async def test_keys_of_different_users_and_different_keys_are_different_orders(self, shop: Shop):
        await shop.offer(stock=5)
        replies = [
            await shop.client.submit(submission(), keyed()),
            await shop.client.submit(submission(userID=8), keyed()),
            await shop.client.submit(submission(), keyed("k2")),
            await shop.client.submit(submission(), Call.local()),
        ]
        assert len({reply.orderID for reply in replies}) == 4
        assert shop.stock_of(1) == 1

    @pytest.mark.parametrize("key", ["", "x" * 256, "ö", "a\nb", "a\x7f"])
    async def test_a_key_that_is_not_printable_ascii_is_refused_by_name(self, shop: Shop, key: str):
        service = shop.office().service
        rpcs: list[Any] = [(service.submit, submission()), (service.send_submit_order_notify, buffered())]
        for rpc, request in rpcs:
            with pytest.raises(InvalidArgument, match="Idempotency-Key"):
                await rpc(request, keyed(key))

    async def test_while_the_first_runs_a_repetition_is_told_so(self, shop: Shop):
        await shop.offer(stock=5)
        shop.network.down.add("pay:1")
        first = asyncio.create_task(shop.client.submit(submission(), keyed()))
        await asyncio.sleep(0.05)
        with pytest.raises(Refused, match="still running") as caught:
            await shop.client.submit(submission(), keyed())
        assert (caught.value.http_status, caught.value.short) == (409, "KEY_STILL_RUNNING")
        shop.network.heal()
        await shop.dtm.settle()
        assert (await first).status == "confirmed"
        assert await shop.client.submit(submission(), keyed()) == await first
        assert shop.stock_of(1) == 4

    async def test_equal_requests_of_one_batch_share_one_order(self, shop: Shop):
        await shop.offer(stock=5)
        request = pb.SubmitManyRequest(
            orders=[submission(), submission(), submission(amount=101), submission(userID=8), submission()],
            idempotencyKeys=["k1", "k1", "k1", "k1", ""],
        )
        first, same, other, another_user, without = (await shop.client.submit_many(request, Call.local())).results
        assert first.reply == same.reply
        assert other.failure.code == 10422
        assert len({r.reply.orderID for r in (first, another_user, without)}) == 3
        assert shop.stock_of(1) == 2
        shop.check()

    async def test_an_order_told_as_running_stays_told_so(self, shop: Shop):
        await shop.offer(stock=5)
        service = shop.office().service
        service._direct._wait_seconds = 0.05
        shop.network.down.add("pay:1")
        first = await service.submit(submission(), keyed())
        shop.network.heal()
        await shop.recover()
        assert (first.status, await service.submit(submission(), keyed())) == ("running", first)
        assert shop.stock_of(1) == 4

    @pytest.mark.parametrize("placed", [False, True])
    async def test_after_a_death_the_repetition_goes_on_with_the_same_order(self, shop: Shop, placed: bool):
        await shop.offer(stock=5)
        order_id = shop.ids.new("o")
        claimed = Claim("submit", 7, "k1", fingerprint(submission()), order_id)
        await shop.order_db.run(lambda tx: shop.keys.claim(tx, [claimed]))
        if placed:
            await shop.office().service._submit(order_id, submission(), Call.local())
        else:
            with pytest.raises(Refused, match="still running"):
                await shop.client.submit(submission(), keyed())
            shop.pass_time(LEASE_SECONDS + 1)
        reply = await shop.client.submit(submission(), keyed())
        assert (reply.orderID, reply.status) == (order_id, "confirmed")
        assert shop.stock_of(1) == 4
        shop.check()

    async def test_an_order_that_this_process_still_places_is_not_placed_beside_itself(self, shop: Shop):
        await shop.offer(stock=5)
        office = shop.office()
        order_id = shop.ids.new("o")
        claimed = Claim("submit", 7, "k1", fingerprint(submission()), order_id)
        await shop.order_db.run(lambda tx: shop.keys.claim(tx, [claimed]))
        shop.pass_time(LEASE_SECONDS + 1)
        office.in_flight.enter(order_id)
        with pytest.raises(Refused, match="still running"):
            await office.service.submit(submission(), keyed())


class TestBuffered:
    async def test_the_same_request_again_gets_the_same_order(self, shop: Shop):
        first = await shop.client.send_submit_order_notify(buffered(), keyed())
        again = await shop.client.send_submit_order_notify(buffered(), keyed())
        assert again == first
        assert len(shop.queue.messages) == 1
        with pytest.raises(Unprocessable):
            await shop.client.send_submit_order_notify(buffered(productCount=2), keyed())

    async def test_one_key_may_name_an_order_placed_at_once_and_a_buffered_one(self, shop: Shop):
        await shop.offer(stock=5)
        submitted = await shop.client.submit(submission(), keyed())
        assert (await shop.client.send_submit_order_notify(buffered(), keyed())).orderID != submitted.orderID

    async def test_after_an_error_the_repetition_goes_on_at_once_with_the_same_order(self, shop: Shop):
        shop.queue.down = True
        for _ in range(2):
            with pytest.raises(Unavailable):
                await shop.client.send_submit_order_notify(buffered(), keyed())
        shop.queue.down = False
        reply = await shop.client.send_submit_order_notify(buffered(), keyed())
        assert [message.key for message in shop.queue.messages] == [reply.orderID]

    async def test_an_acknowledgement_that_was_lost_makes_one_order(self, shop: Shop, monkeypatch):
        send_each, lost = shop.queue.send_each, [True]

        async def lose_the_acknowledgement(topic: str, messages: Any) -> list[Unavailable | None]:
            errors = await send_each(topic, messages)
            return [Unavailable("no acknowledgement")] if lost and lost.pop() else errors

        monkeypatch.setattr(shop.queue, "send_each", lose_the_acknowledgement)
        with pytest.raises(RpcError):
            await shop.client.send_submit_order_notify(buffered(), keyed())
        reply = await shop.client.send_submit_order_notify(buffered(), keyed())
        assert {message.key for message in shop.queue.messages} == {reply.orderID}

    async def test_in_a_batch_each_has_its_own_key(self, shop: Shop):
        request = pb.SendSubmitOrderNotifyManyRequest(
            orders=[buffered(), buffered(), buffered()], idempotencyKeys=["k1", "k2"]
        )
        for _ in range(2):
            results = (await shop.client.send_submit_order_notify_many(request, Call.local())).results
            assert len({result.reply.orderID for result in results}) == 3
        assert len(shop.queue.messages) == 4


async def test_requests_without_a_key_leave_no_record(shop: Shop):
    await shop.offer(stock=5)
    await shop.client.submit(submission(), Call.local())
    await shop.client.send_submit_order_notify(buffered(), Call.local())
    assert "idempotency_key" not in shop.order_db.data
