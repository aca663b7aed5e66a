"""Buying: a unit that was taken becomes one order in the queue, one that was not becomes none, whatever dies."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from itertools import count
from typing import Any

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from shop_in_memory.crash import bury, dies_at
from shop_in_memory.network import Network
from shop_in_memory.sales import MemoryRedis, MemorySales
from shop_in_memory.shop import Drain, Queue

from aiodtm import Barrier, DtmUnavailable, Message, random_gid
from aiodtm.testing import Fault, InMemoryDtm, Plan
from eshop_chassis.order_ids import OrderIds, OrderIdSettings
from eshop_flash_sale import buy
from eshop_flash_sale.buy import Buying
from eshop_flash_sale.delivery import Delivery
from eshop_flash_sale.keys import KeyedBuying
from eshop_flash_sale.messages import Messages, products_of, together
from eshop_flash_sale.sale import Keys, Take
from eshop_flash_sale.service import FlashSaleService
from eshop_protos.flash_sale.v1 import flash_sale_api
from eshop_protos.flash_sale.v1 import flash_sale_pb2 as pb
from eshop_protos.order.v1 import order_pb2
from protoc_gen_fastapi.runtime import Call, Refused, RpcError, Unavailable

from .shelf import MemoryShelf, Shelf

IDS = OrderIds(OrderIdSettings())


class Orders:
    """Stands in for the order service: keeps what it is told of."""

    def __init__(self) -> None:
        self.noted: list[str] = []
        self.down = False

    async def note_running_many(self, request: order_pb2.NoteRunningManyRequest, call: Call) -> object:
        if self.down:
            raise Unavailable("away")
        self.noted += [order.orderID for order in request.orders]
        return order_pb2.NoteRunningManyReply()


class ListingDtm(InMemoryDtm):
    """Lists the messages that were made."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.made: list[str] = []

    def message(self, gid: str, *args: Any, **kwargs: Any) -> Message:
        self.made.append(gid)
        return super().message(gid, *args, **kwargs)

    async def statuses(self) -> list[str]:
        found = [await self.query(gid) for gid in self.made]
        return sorted(transaction.status for transaction in found if transaction)


class Stall:
    """The flash-sale service with its DTM and its queue."""

    def __init__(self, shelf: Shelf, plan: Plan | None = None) -> None:
        self.shelf, self.queue, self.network, self.orders = shelf, Queue(), Network(), Orders()
        self.dtm = ListingDtm(plan, retry_after=0.002)
        self.start()
        self.network.open_to(self.dtm, "flash:1", flash_sale_api.DESCRIPTOR)
        self.client = flash_sale_api.FlashSaleClient(self.network.channel("flash:1"))

    def start(self) -> None:
        """A new process of the service."""
        orders: Any = self.orders
        self.messages = Messages(self.dtm, address="flash:1")
        queue: Any = self.queue
        drain: Any = Drain()
        self.delivery = Delivery(self.shelf.redis, queue, "orders", drain)
        self.buying = Buying(self.shelf.sales, self.messages, self.delivery, IDS, orders, wait_seconds=0.3, lanes=2)
        keyed = KeyedBuying(self.shelf.keys, IDS, self.buying)
        self.service = FlashSaleService(
            self.shelf.redis, self.shelf.sales, self.buying, keyed, queue, IDS, "orders", drain, self.delivery
        )
        self.network.serve("flash:1", flash_sale_api.flash_sale_handlers(self.service, self.network.hooks))

    async def buy(self, product: int, user: int = 7, *, key: str = "", amount: int = 100) -> pb.FlashSaleReply:
        request = pb.FlashSaleRequest(userID=user, productID=product, amount=amount)
        return await self.client.flash_sale(request, Call.local({"idempotency-key": key} if key else {}))

    def sell(self, product: int) -> Any:
        """What `buy` does in the service's process, for a buyer who came alone."""
        buyer = buy.Buyer(IDS.new("f"), 7, product, 100, "r-1")
        return self.buying._sell([_Alone(buyer)])

    def queued(self) -> list[str]:
        """The ids of the orders in the queue, each once: the order service places an id once however often it comes."""
        return list(dict.fromkeys(message.key for message in self.queue.messages))

    async def settle(self) -> None:
        """DTM finishes everything; what was prepared and not submitted is checked back."""
        await asyncio.sleep(0.01)
        await self.dtm.settle()


class _Alone:
    """A buyer in a batch of one, who does not mind the answer."""

    def __init__(self, item: buy.Buyer) -> None:
        self.item = item

    def resolve(self, _accepted: object) -> None: ...

    def fail(self, _error: object) -> None: ...


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buy, "CLOSED_WAIT_SECONDS", 0.02)
    monkeypatch.setattr(buy, "LOOK_AGAIN_SECONDS", 0.001)
    for name in ("AFTER_LOST_CONNECTION", "AFTER_TIMEOUT"):
        monkeypatch.setattr(f"aiodtm.submitting.{name}", 0.02, raising=False)


@pytest.fixture
async def stalls(shelf: Shelf) -> AsyncIterator[Callable[..., Stall]]:
    made: list[Stall] = []

    def make(plan: Plan | None = None, on: Shelf = shelf) -> Stall:
        made.append(Stall(on, plan))
        return made[-1]

    yield make
    bury()
    for stall in made:
        await stall.dtm.aclose()


@pytest.fixture
def stall(stalls: Callable[..., Stall]) -> Stall:
    return stalls()


async def taken(shelf: Shelf, product: int) -> list[str]:
    return list(await shelf.unsettled(product))


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


async def test_sold_out_is_told_in_the_words_that_clients_know(stall: Stall, product: int):
    await stall.shelf.opened(product, 0)
    with pytest.raises(Refused, match="销售完毕"):
        await stall.buy(product)


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


async def test_who_comes_while_the_sale_is_being_set_waits_a_moment(stall: Stall, product: int):
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
        assert set(refused.values()) == {"UNDONE"}
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
        await TestDtmCalls().deliver(stall, stall.dtm.made[0])
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


class TestDtmCalls:
    """The rpcs that DTM calls: the check-back, and the delivery."""

    def call(self, gid: str, op: str = "action") -> Call:
        branch = "00" if op == "msg" else "01"
        return Call.local({"dtm-gid": gid, "dtm-trans_type": "msg", "dtm-branch_id": branch, "dtm-op": op})

    def order(self, product: int, order_id: str) -> pb.SendSubmitOrderNotifyRequest:
        return pb.SendSubmitOrderNotifyRequest(
            userID=7, productID=product, productCount=1, amount=100, orderID=order_id
        )

    async def deliver(self, stall: Stall, gid: str) -> None:
        request = pb.SendSubmitOrderNotifyManyRequest()
        await stall.service.send_submit_order_notify_many(request, self.call(gid))

    async def test_a_check_back_finds_what_was_taken(self, stall: Stall, product: int):
        await stall.shelf.opened(product, 5)
        await stall.shelf.buy(product, "a", gid=f"g1-{product}")
        for _ in range(2):
            await stall.service.redis_query_prepared(pb.RedisQueryPreparedRequest(), self.call(f"g1-{product}", "msg"))

    @pytest.mark.parametrize("first", ["nothing", "sold out"])
    async def test_a_check_back_refuses_where_nothing_was_taken(self, stall: Stall, product: int, first: str):
        await stall.shelf.opened(product, 0)
        if first == "sold out":
            await stall.shelf.buy(product, "a", gid=f"g1-{product}")
        for _ in range(2):
            with pytest.raises(Refused):
                await stall.service.redis_query_prepared(
                    pb.RedisQueryPreparedRequest(), self.call(f"g1-{product}", "msg")
                )

    async def test_after_a_check_back_that_found_nothing_nothing_can_be_taken(self, stall: Stall, product: int):
        await stall.shelf.opened(product, 5)
        with pytest.raises(Refused):
            await stall.service.redis_query_prepared(pb.RedisQueryPreparedRequest(), self.call(f"g1-{product}", "msg"))
        with pytest.raises(Exception, match="undone"):
            await stall.shelf.buy(product, "a", gid=f"g1-{product}")

    async def test_a_delivery_without_a_stored_outcome_is_an_error_and_never_ok(self, stall: Stall, product: int):
        """Redis may have lost its last second: DTM must ask again, not take the order for delivered."""
        order_id = IDS.new("f")
        for _ in range(2):
            with pytest.raises(Unavailable):
                await self.deliver(stall, f"g1-{product}")
        with pytest.raises(Unavailable):
            await stall.service.send_submit_order_notify(self.order(product, order_id), self.call(f"g1-{product}"))
        assert stall.queued() == []

    async def test_only_orders_whose_unit_was_taken_are_delivered(self, stall: Stall, product: int):
        await stall.shelf.opened(product, 1)
        first, second = IDS.new("f"), IDS.new("f")
        gid = f"g1-{product}"
        takes = [Take(first, 1, 1), Take(second, 2, 1)]
        await stall.shelf.sales.take(Barrier.of_message(gid), product, takes, each=True)
        await self.deliver(stall, gid)
        await stall.service.send_submit_order_notify(self.order(product, second), self.call(gid))
        await stall.service.send_submit_order_notify(self.order(product, ""), self.call(gid))
        assert stall.queued() == [first]

    async def test_what_an_earlier_release_has_stored_without_amounts_is_an_error(self, stall: Stall, product: int):
        gid, ref = f"g1-{product}", IDS.new("f")
        old = json.dumps({"accepted": [[ref, "7", 1, "1"]], "refused": []})
        await stall.shelf.redis.set(f"{Keys(product).slot}:barrier:{gid}:00:msg", f"ok:{old}", ex=60)
        with pytest.raises(Unavailable, match="earlier release"):
            await self.deliver(stall, gid)
        assert stall.queued() == []

    async def test_a_message_that_was_refused_delivers_nothing(self, stall: Stall, product: int):
        await stall.shelf.opened(product, 0)
        order_id = IDS.new("f")
        await stall.shelf.buy(product, order_id, gid=f"g1-{product}")
        await self.deliver(stall, f"g1-{product}")
        assert stall.queued() == []

    @pytest.mark.parametrize("gid", ["g1", "g1-x", "g1-"])
    async def test_a_gid_of_somebody_else_is_refused(self, stall: Stall, product: int, gid: str):
        with pytest.raises(RpcError, match="not a message of a flash sale"):
            await stall.service.redis_query_prepared(pb.RedisQueryPreparedRequest(), self.call(gid, "msg"))

    async def test_anybody_else_puts_an_ordinary_order_into_the_queue(self, stall: Stall, product: int):
        reply = await stall.client.send_submit_order_notify(self.order(product, "whatever"), Call.local())
        assert stall.queued() == [reply.orderID]
        assert IDS.kind(reply.orderID) == "b"


async def test_long_request_ids_travel_with_their_orders(stall: Stall, product: int):
    await stall.shelf.opened(product, 600)
    request = pb.FlashSaleRequest(userID=7, productID=product, amount=2**32 - 1)
    answers = await stall.buying.buy_many([request] * 500, [f"{n}".rjust(64, "r") for n in range(500)])
    assert [type(answer) for answer in answers] == [buy.Accepted] * 500
    assert len(stall.queued()) == 500
    assert {json.loads(message.value)["amount"] for message in stall.queue.messages} == {2**32 - 1}
    assert len({message.headers["x-request-id"] for message in stall.queue.messages}) == 500


class TestSeveralProducts:
    """Buyers of several products in one batch, and in one message."""

    async def test_they_share_a_message_and_each_gets_their_own_answer(self, stall: Stall, product: int):
        on_sale, sold_out, none = product, product + 1, product + 2
        await stall.shelf.opened(on_sale, 2)
        await stall.shelf.opened(sold_out, 1)
        await stall.shelf.buy(sold_out, "before")
        wanted = [on_sale, sold_out, none, on_sale, on_sale]
        requests = [pb.FlashSaleRequest(userID=n + 1, productID=p, amount=100) for n, p in enumerate(wanted)]
        answers = await stall.buying.buy_many(requests, ["r"] * 5)
        codes = [answer.short if isinstance(answer, Refused) else "ok" for answer in answers]
        assert codes == ["ok", "SOLD_OUT", "NOT_ON_SALE", "ok", "SOLD_OUT"]
        assert stall.queued() == [answers[0].order_id, answers[3].order_id] == await taken(stall.shelf, on_sale)

    async def test_one_message_sells_all_their_products(self, stall: Stall, product: int):
        for number in range(3):
            await stall.shelf.opened(product + number, 5)
        requests = [pb.FlashSaleRequest(userID=7, productID=product + n % 3, amount=100) for n in range(6)]
        answers = await stall.buying.buy_many(requests, ["r"] * 6)
        assert sorted(stall.queued()) == sorted(answer.order_id for answer in answers)
        assert {json.loads(m.value)["productID"] for m in stall.queue.messages} == {product, product + 1, product + 2}
        [gid] = stall.dtm.made
        assert products_of(gid) == [product, product + 1, product + 2]

    async def test_one_whose_sale_is_closed_under_way_keeps_nobody_waiting(
        self, stall: Stall, product: int, monkeypatch
    ):
        await stall.shelf.opened(product, 5)
        await stall.shelf.opened(product + 1, 5)
        await stall.shelf.sales.close(product + 1, "t1")

        async def sees_nothing(_products: Any) -> dict[int, str]:
            return {}

        monkeypatch.setattr(stall.shelf.sales, "at_sight", sees_nothing)
        requests = [pb.FlashSaleRequest(userID=7, productID=product + n, amount=100) for n in range(2)]
        sold, closed = await stall.buying.buy_many(requests, ["a", "b"])
        assert (type(sold), closed.short) == (buy.Accepted, "SALE_CLOSED")
        await stall.settle()
        assert stall.queued() == [sold.order_id]
        assert await taken(stall.shelf, product + 1) == []

    @pytest.mark.parametrize("taken_of", [(), (0,), (1,), (0, 1)])
    async def test_a_check_back_asks_each_product(self, stall: Stall, product: int, taken_of: tuple[int, ...]):
        """Where nothing was taken nothing can be any more; what was taken is delivered."""
        gid = f"g1-{product}-{product + 1}"
        for number in range(2):
            await stall.shelf.opened(product + number, 5)
        refs = [IDS.new("f") for _ in taken_of]
        for ref, number in zip(refs, taken_of, strict=True):
            await stall.shelf.buy(product + number, ref, gid=gid)
        calls = TestDtmCalls()
        question = stall.service.redis_query_prepared(pb.RedisQueryPreparedRequest(), calls.call(gid, "msg"))
        if taken_of:
            await question
            await calls.deliver(stall, gid)
        else:
            with pytest.raises(Refused):
                await question
        assert stall.queued() == refs
        for number in {0, 1} - set(taken_of):
            with pytest.raises(Exception, match="undone"):
                await stall.shelf.buy(product + number, "late", gid=gid)

    async def test_a_delivery_without_the_outcome_of_one_product_delivers_the_others_and_is_an_error(
        self, stall: Stall, product: int
    ):
        """Redis may have lost the last of them."""
        gid, ref = f"g1-{product}-{product + 1}", IDS.new("f")
        await stall.shelf.opened(product, 5)
        await stall.shelf.buy(product, ref, gid=gid)
        for _ in range(2):
            with pytest.raises(Unavailable):
                await TestDtmCalls().deliver(stall, gid)
        assert stall.queued() == [ref]

    @pytest.mark.parametrize("width", [1, 6, 10, 20])
    async def test_so_many_products_that_no_gid_could_name_them_are_cut_into_several(self, width: int):
        products = [10 ** (width - 1) + n for n in range(60 if width > 1 else 9)]
        parts = list(together(products))
        assert [p for part in parts for p in part] == products
        gids = [random_gid("-".join(map(str, part))) for part in parts]
        assert [products_of(gid) for gid in gids] == [list(part) for part in parts]
        assert max(map(len, gids)) <= 128

    async def test_an_error_of_one_message_is_not_that_of_another(self, stall: Stall, product: int, monkeypatch):
        products = [10**18 + product % 10**6 * 100 + n for n in range(12)]
        for each in products:
            await stall.shelf.opened(each, 5)
        prepared, calls = stall.messages.prepared, count(1)

        async def prepared_but_once(names: Any) -> Any:
            if next(calls) == 1:
                raise Unavailable("away")
            return await prepared(names)

        monkeypatch.setattr(stall.messages, "prepared", prepared_but_once)
        requests = [pb.FlashSaleRequest(userID=7, productID=each, amount=100) for each in products]
        answers = await stall.buying.buy_many(requests, ["r"] * 12)
        accepted = [answer.order_id for answer in answers if isinstance(answer, buy.Accepted)]
        assert 0 < len(accepted) < 12
        assert sorted(stall.queued()) == sorted(accepted)


class TestTheLookBefore:
    """Whether a product is looked at before its buyers get a message."""

    async def test_only_where_the_last_batch_refused_somebody(self, stall: Stall, product: int, monkeypatch):
        await stall.shelf.opened(product, 2)
        look, looks = stall.shelf.sales.at_sight, []

        async def looking(products: Any) -> Any:
            looks.append(products)
            return await look(products)

        monkeypatch.setattr(stall.shelf.sales, "at_sight", looking)
        for sold_out in (False, False, True, True):
            made = len(stall.dtm.made)
            if not sold_out:
                await stall.buy(product)
                continue
            with pytest.raises(Refused, match="销售完毕"):
                await stall.buy(product)
        assert looks == [[product], [product]]
        assert len(stall.dtm.made) == made
        await stall.shelf.opened(product, 5, version=2)
        await stall.buy(product)
        await stall.buy(product)
        assert looks == [[product]] * 3
        assert len(stall.queued()) == 4


class TestPreparedAhead:
    """The message of the next batch is prepared while one is sold."""

    async def test_from_the_second_batch_of_the_same_products_on(self, stall: Stall, product: int):
        await stall.shelf.opened(product, 10)
        seen = []
        for _ in range(4):
            await stall.buy(product)
            await asyncio.sleep(0.005)
            seen.append(len(stall.dtm.made))
        assert seen == [1, 3, 4, 5]
        assert len(stall.queued()) == 4

    async def test_one_that_is_not_needed_is_given_up(self, stall: Stall, product: int, monkeypatch):
        monkeypatch.setattr("eshop_flash_sale.messages.SPARE_SECONDS", 0.01)
        await stall.shelf.opened(product, 10)
        await stall.buy(product)
        await stall.buy(product)
        await asyncio.sleep(0.05)
        assert await stall.dtm.statuses() == ["failed", "succeed", "succeed"]
        await stall.buy(product)
        assert len(stall.queued()) == 3

    async def test_one_for_other_products_is_given_up(self, stall: Stall, product: int):
        await stall.shelf.opened(product, 10)
        await stall.shelf.opened(product + 1, 10)
        for each in (product, product, product + 1, product + 1, product + 1):
            await stall.buy(each)
            await asyncio.sleep(0.005)
        await stall.settle()
        assert len(stall.queued()) == 5
        assert set(await stall.dtm.statuses()) == {"failed", "succeed"}

    async def test_one_that_dtm_did_not_take_is_made_again(self, stall: Stall, product: int, monkeypatch):
        await stall.shelf.opened(product, 10)
        await stall.buy(product)
        monkeypatch.setattr(Message, "prepare", fails_after(Message.prepare, 1))
        await stall.buy(product)
        await stall.buy(product)
        assert len(stall.queued()) == 3

    async def test_the_death_of_the_process_sells_nothing_by_it(self, stall: Stall, product: int):
        await stall.shelf.opened(product, 10)
        await stall.buy(product)
        await stall.buy(product)
        stall.start()
        await stall.settle()
        assert len(stall.queued()) == len(await taken(stall.shelf, product)) == 2
        assert await stall.dtm.statuses() == ["failed", "succeed", "succeed"]


def fails_after(prepare: Any, good: int) -> Any:
    """Messages are prepared as they are, except the one after `good` of them."""
    calls = count(1)

    async def call(self: Any, *args: Any) -> None:
        if next(calls) == good + 1:
            raise DtmUnavailable("away")
        await prepare(self, *args)

    return call
