"""The order service as its buyers see it: replies, refusals, and what became of every order id that was handed out."""

import asyncio
from typing import Any

import pytest
from shop_in_memory.queue import Past, queued
from shop_in_memory.shop import Shop

from aiodtm import BranchRefused
from eshop_order.orders import CLAIMED_ELSEWHERE, Final, NewOrder
from eshop_order.queue.message import OrderReader
from eshop_protos.order.v1 import order_pb2 as pb
from protoc_gen_fastapi.runtime import Call, NotFound, Refused, RpcError


def submission(**values: int) -> pb.SubmitOrderRequest:
    return pb.SubmitOrderRequest(**{"userID": 7, "productID": 1, "productCount": 1, "amount": 100, **values})


async def outcome(shop: Shop, order_id: str) -> pb.GetOutcomeReply:
    return await shop.client.get_outcome(pb.GetOutcomeRequest(orderID=order_id), Call.local())


async def test_submit_answers_when_the_order_is_confirmed(shop: Shop):
    await shop.offer(stock=5)
    reply = await shop.client.submit(submission(productCount=2), Call.local())
    assert reply.status == "confirmed"
    told = await outcome(shop, reply.orderID)
    assert (told.status, told.reason) == ("confirmed", "")
    assert (told.order.productCount, told.order.userID, told.order.status) == (2, 7, 1)
    shop.check()


async def test_a_refusal_tells_the_reason_and_the_order(shop: Shop):
    await shop.offer(stock=1)
    with pytest.raises(Refused, match="2 units of product 1 were ordered, but only 1 can be had") as caught:
        await shop.client.submit(submission(productCount=2), Call.local())
    assert (caught.value.code, caught.value.short) == (30023, "OUT_OF_STOCK")
    told = await outcome(shop, caught.value.data["orderID"])
    assert (told.status, told.reason, told.order.status) == (
        "refused",
        "2 units of product 1 were ordered, but only 1 can be had",
        5,
    )
    shop.check()


async def test_orders_submitted_together_share_sagas(shop: Shop):
    await shop.offer(stock=100)
    replies = await asyncio.gather(*(shop.client.submit(submission(), Call.local()) for _ in range(50)))
    assert {reply.status for reply in replies} == {"confirmed"}
    assert len({arrival.gid for arrival in shop.dtm.arrivals}) < 10
    assert shop.stock_of(1) == 50
    shop.check()


async def test_in_a_batch_everybody_gets_their_own_answer(shop: Shop):
    await shop.offer(stock=3)
    request = pb.SubmitManyRequest(orders=[submission(), submission(productID=9), submission(couponID=4), submission()])
    results = (await shop.client.submit_many(request, Call.local())).results
    assert [r.failure.short for r in results] == ["", "UNKNOWN_PRODUCT", "UNKNOWN_COUPON", ""]
    assert [r.reply.status for r in results] == ["confirmed", "", "", "confirmed"]
    shop.check()


async def test_an_order_that_takes_long_is_told_as_running_and_can_be_asked_about(shop: Shop):
    await shop.offer(stock=5)
    shop.network.down.add("pay:1")
    office = shop.office()
    office.service._direct._wait_seconds = 0.05
    reply = await office.service.submit(submission(), Call.local())
    assert reply.status == "running"
    assert (await outcome(shop, reply.orderID)).status == "running"
    shop.network.heal()
    await shop.dtm.settle()
    async with asyncio.timeout(30):
        while (await outcome(shop, reply.orderID)).status != "confirmed":  # noqa: ASYNC110 - as a buyer would ask
            await asyncio.sleep(0.01)
    shop.check()


async def test_an_order_that_dtm_does_not_take_is_told_as_running_and_has_a_row(shop: Shop):
    await shop.offer(stock=5)
    office = shop.office()
    office.service._direct._wait_seconds = 0.05
    forever = asyncio.Event()
    placer: Any = office.placer
    placer._sagas = _Never(forever)
    reply = await office.service.submit(submission(), Call.local())
    assert (reply.status, (await outcome(shop, reply.orderID)).status) == ("running", "running")
    for lane in office.service._direct._lanes._coalescer._running:
        lane.cancel()
    await shop.recover()
    assert (await outcome(shop, reply.orderID)).status == "confirmed"
    shop.check()


async def test_a_buyer_who_is_told_of_an_error_gets_no_order(shop: Shop):
    """The saga of two is refused, and why can't be read for now: the good order will be placed by the sweeper."""
    await shop.offer(stock=5)
    shop.network.fail("stock:1", "GetRefusals")
    request = pb.SubmitManyRequest(orders=[submission(), submission(productID=9)])
    good, bad = (await shop.client.submit_many(request, Call.local())).results
    shop.network.heal()
    await shop.recover()
    assert shop.stock_of(1) == 4, "the sweeper has placed the good order"
    assert good.reply.status == "running"
    assert (await outcome(shop, good.reply.orderID)).status == "confirmed"
    assert bad.reply.status == "running"
    assert (await outcome(shop, bad.reply.orderID)).status == "refused"


async def test_a_buffered_order_is_accepted_until_it_is_placed(shop: Shop):
    await shop.offer(stock=5)
    request = pb.SendSubmitOrderNotifyRequest(userID=7, productID=1, productCount=2, amount=100, couponID=0)
    reply = await shop.client.send_submit_order_notify(request, Call.local())
    assert (await outcome(shop, reply.orderID)).status == "accepted"
    [message] = shop.queue.messages
    order = OrderReader(shop.seal, shop.ids, Past()).read(queued(message.value, 5, message.headers))
    assert (message.key, order) == (reply.orderID, NewOrder(reply.orderID, 7, 1, 2, 100))
    assert await shop.office().place([order]) == {reply.orderID: Final(True)}
    assert (await outcome(shop, reply.orderID)).status == "confirmed"


@pytest.mark.parametrize("order_id", ["never-handed-out-by-anyone", "b" * 26, "x", "o" + "0" * 25])
async def test_an_id_that_was_never_handed_out_is_not_found(shop: Shop, order_id: str):
    with pytest.raises(NotFound):
        await outcome(shop, order_id)


async def test_a_placed_order_of_a_foreign_saga_is_told_as_it_stands(shop: Shop):
    order = shop.order("o")
    branch = Call.local({"dtm-gid": "g1", "dtm-trans_type": "saga", "dtm-branch_id": "01", "dtm-op": "action"})
    service = shop.office().service
    await service.create(order.to_message(), branch)
    assert (await outcome(shop, order.order_id)).status == "running"


class TestBranches:
    """Each claims or frees rows once, whatever DTM repeats or mixes up."""

    def call(self, op: str, gid: str = "g1") -> Call:
        return Call.local({"dtm-gid": gid, "dtm-trans_type": "saga", "dtm-branch_id": "01", "dtm-op": op})

    async def test_a_revert_before_its_action_keeps_the_action_out(self, shop: Shop):
        order, service = shop.order("o"), shop.office().service
        await service.create_revert(pb.CreateOrderRevertRequest(orderID=order.order_id), self.call("compensate"))
        with pytest.raises(Exception, match="undone"):
            await service.create(order.to_message(), self.call("action"))
        assert shop.state(order) == "absent"

    async def test_a_repeated_refusal_is_the_same_and_is_stored_once(self, shop: Shop):
        order, service = shop.order("o"), shop.office().service
        await service.create(order.to_message(), self.call("action"))
        for _ in range(3):
            with pytest.raises((BranchRefused, Refused)) as caught:
                await service.create(order.to_message(), self.call("action", gid="g2"))
            assert caught.value.short == CLAIMED_ELSEWHERE
        assert len(shop.order_db.data["refusal"]) == 1

    async def test_what_does_not_come_from_dtm_is_no_branch(self, shop: Shop):
        with pytest.raises(RpcError, match="DTM transaction"):
            await shop.office().service.create(shop.order("o").to_message(), Call.local())


class _Never:
    def __init__(self, forever: asyncio.Event) -> None:
        self._forever = forever

    def place(self, *_args: object) -> "_Never":
        return self

    async def submit(self, _limit: float) -> None:
        await self._forever.wait()
