"""Messages: what DTM asks and delivers, several products in one, and those that are prepared ahead."""

import asyncio
import json
from itertools import count
from typing import Any

import pytest

from aiodtm import Barrier, DtmUnavailable, Message, random_gid
from eshop_flash_sale.buying import buy
from eshop_flash_sale.buying.messages import products_of, together
from eshop_flash_sale.sale.sales import Keys, Take
from eshop_protos.flash_sale.v1 import flash_sale_pb2 as pb
from protoc_gen_fastapi.runtime import Call, Refused, RpcError, Unavailable

from .stall import IDS, Stall, branch_call, deliver, taken


class TestDtmCalls:
    """The rpcs that DTM calls: the check-back, and the delivery."""

    def order(self, product: int, order_id: str) -> pb.SendSubmitOrderNotifyRequest:
        return pb.SendSubmitOrderNotifyRequest(
            userID=7, productID=product, productCount=1, amount=100, orderID=order_id
        )

    async def test_a_check_back_finds_what_was_taken(self, stall: Stall, product: int):
        await stall.shelf.opened(product, 5)
        await stall.shelf.buy(product, "a", gid=f"g1-{product}")
        for _ in range(2):
            await stall.service.redis_query_prepared(
                pb.RedisQueryPreparedRequest(), branch_call(f"g1-{product}", "msg")
            )

    @pytest.mark.parametrize("first", ["nothing", "sold out"])
    async def test_a_check_back_refuses_where_nothing_was_taken(self, stall: Stall, product: int, first: str):
        await stall.shelf.opened(product, 0)
        if first == "sold out":
            await stall.shelf.buy(product, "a", gid=f"g1-{product}")
        for _ in range(2):
            with pytest.raises(Refused):
                await stall.service.redis_query_prepared(
                    pb.RedisQueryPreparedRequest(), branch_call(f"g1-{product}", "msg")
                )

    async def test_after_a_check_back_that_found_nothing_nothing_can_be_taken(self, stall: Stall, product: int):
        await stall.shelf.opened(product, 5)
        with pytest.raises(Refused):
            await stall.service.redis_query_prepared(
                pb.RedisQueryPreparedRequest(), branch_call(f"g1-{product}", "msg")
            )
        with pytest.raises(Exception, match="undone"):
            await stall.shelf.buy(product, "a", gid=f"g1-{product}")

    async def test_a_delivery_without_a_stored_outcome_is_an_error_and_never_ok(self, stall: Stall, product: int):
        """Redis may have lost its last second: DTM must ask again, not take the order for delivered."""
        order_id = IDS.new("f")
        for _ in range(2):
            with pytest.raises(Unavailable):
                await deliver(stall, f"g1-{product}")
        with pytest.raises(Unavailable):
            await stall.service.send_submit_order_notify(self.order(product, order_id), branch_call(f"g1-{product}"))
        assert stall.queued() == []

    async def test_only_orders_whose_unit_was_taken_are_delivered(self, stall: Stall, product: int):
        await stall.shelf.opened(product, 1)
        first, second = IDS.new("f"), IDS.new("f")
        gid = f"g1-{product}"
        takes = [Take(first, 1, 1), Take(second, 2, 1)]
        await stall.shelf.sales.take(Barrier.of_message(gid), product, takes, each=True)
        await deliver(stall, gid)
        await stall.service.send_submit_order_notify(self.order(product, second), branch_call(gid))
        await stall.service.send_submit_order_notify(self.order(product, ""), branch_call(gid))
        assert stall.queued() == [first]

    async def test_what_an_earlier_release_has_stored_without_amounts_is_an_error(self, stall: Stall, product: int):
        gid, ref = f"g1-{product}", IDS.new("f")
        old = json.dumps({"accepted": [[ref, "7", 1, "1"]], "refused": []})
        await stall.shelf.redis.set(f"{Keys(product).slot}:barrier:{gid}:00:msg", f"ok:{old}", ex=60)
        with pytest.raises(Unavailable, match="earlier release"):
            await deliver(stall, gid)
        assert stall.queued() == []

    async def test_a_message_that_was_refused_delivers_nothing(self, stall: Stall, product: int):
        await stall.shelf.opened(product, 0)
        order_id = IDS.new("f")
        await stall.shelf.buy(product, order_id, gid=f"g1-{product}")
        await deliver(stall, f"g1-{product}")
        assert stall.queued() == []

    @pytest.mark.parametrize("gid", ["g1", "g1-x", "g1-"])
    async def test_a_gid_of_somebody_else_is_refused(self, stall: Stall, product: int, gid: str):
        with pytest.raises(RpcError, match="not a message of a flash sale"):
            await stall.service.redis_query_prepared(pb.RedisQueryPreparedRequest(), branch_call(gid, "msg"))

    async def test_anybody_else_puts_an_ordinary_order_into_the_queue(self, stall: Stall, product: int):
        reply = await stall.client.send_submit_order_notify(self.order(product, "whatever"), Call.local())
        assert stall.queued() == [reply.orderID]
        assert IDS.kind(reply.orderID) == "b"


class TestSeveralProducts:
    """Buyers of several products in one batch, and in one message."""

    async def test_they_share_a_message_and_each_gets_their_own_answer(self, stall: Stall, product: int):
        on_sale, sold_out, none = product, product + 1, product + 2
        await stall.shelf.opened(on_sale, 2)
        await stall.shelf.opened(sold_out, 1)
        await stall.shelf.buy(sold_out, "before")
        wanted = [on_sale, sold_out, none, on_sale, on_sale]
        requests = [pb.FlashSaleRequest(userID=n + 1, productID=p, amount=100) for n, p in enumerate(wanted)]
        answers: Any = await stall.buying.buy_many(requests, ["r"] * 5)
        codes = [answer.short if isinstance(answer, Refused) else "ok" for answer in answers]
        assert codes == ["ok", "SOLD_OUT", "NOT_ON_SALE", "ok", "SOLD_OUT"]
        assert stall.queued() == [answers[0].order_id, answers[3].order_id] == await taken(stall.shelf, on_sale)

    async def test_one_message_sells_all_their_products(self, stall: Stall, product: int):
        for number in range(3):
            await stall.shelf.opened(product + number, 5)
        requests = [pb.FlashSaleRequest(userID=7, productID=product + n % 3, amount=100) for n in range(6)]
        answers: Any = await stall.buying.buy_many(requests, ["r"] * 6)
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
        answers: Any = await stall.buying.buy_many(requests, ["a", "b"])
        sold, closed = answers
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
        question = stall.service.redis_query_prepared(pb.RedisQueryPreparedRequest(), branch_call(gid, "msg"))
        if taken_of:
            await question
            await deliver(stall, gid)
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
                await deliver(stall, gid)
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
            with pytest.raises(Refused, match="is sold out"):
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
        monkeypatch.setattr("eshop_flash_sale.buying.messages.SPARE_SECONDS", 0.01)
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
