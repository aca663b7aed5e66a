"""Placing orders: every order ends whole or not at all, exactly once, whatever goes wrong on the way."""

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from shop_in_memory.shop import Shop

from aiodtm import BranchRefused
from aiodtm.testing import Plan, every_plan
from eshop_chassis.dtm import Fault
from eshop_coupon.coupons import USED
from eshop_order.orders import Final, NewOrder
from protoc_gen_fastapi.runtime import Unavailable

EVERY_PLAN = [pytest.param(plan, id=str(plan)) for plan in every_plan(4)]
Shops = Callable[..., Shop]


async def test_an_order_is_confirmed_and_everything_it_needs_is_there(shop: Shop):
    await shop.offer(stock=10)
    order = shop.order(product_count=3, coupon_id=await shop.give_coupon(5))
    assert await shop.office().place([order]) == {order.order_id: Final(True)}
    assert shop.stock_of(1) == 7
    shop.check()


async def test_a_batch_is_one_saga(shop: Shop):
    await shop.offer(stock=10)
    finals = await shop.office().place([shop.order() for _ in range(10)])
    assert all(final.confirmed for final in finals.values())
    assert len({arrival.gid for arrival in shop.dtm.arrivals}) == 1
    assert len(shop.dtm.arrivals) == 3
    shop.check()


async def test_the_same_order_twice_in_one_batch_is_one_order(shop: Shop):
    await shop.offer(stock=10)
    order = shop.order()
    assert await shop.office().place([order, order]) == {order.order_id: Final(True)}
    assert shop.stock_of(1) == 9
    shop.check()


@pytest.mark.parametrize("plan", EVERY_PLAN)
async def test_whatever_goes_wrong_an_order_ends_whole_or_not_at_all(shops: Shops, plan: Plan):
    shop = shops(plan)
    await shop.offer(stock=10)
    order = shop.order(coupon_id=await shop.give_coupon(5))
    finals = await shop.office().place([order])
    await shop.dtm.settle()
    assert shop.kept(order).final == finals[order.order_id]
    assert finals[order.order_id].confirmed != any(f.kind == "refused" for f in plan.faults)
    shop.check()


@pytest.mark.parametrize("plan", EVERY_PLAN)
async def test_whatever_goes_wrong_the_good_orders_of_a_batch_are_confirmed(shops: Shops, plan: Plan):
    shop = shops(plan)
    await shop.offer(stock=10)
    orders = [shop.order(), shop.order(coupon_id=await shop.give_coupon(5)), shop.order(product_id=9)]
    finals = await shop.office().place(orders)
    await shop.dtm.settle()
    assert [finals[order.order_id].confirmed for order in orders] == [True, True, False]
    assert shop.stock_of(1) == 8
    shop.check()


@pytest.mark.parametrize("times", [2, 5])
@pytest.mark.parametrize("together", [False, True])
async def test_every_branch_may_come_several_times(shops: Shops, times: int, together: bool):
    shop = shops(Plan(repeat=times, together=together))
    await shop.offer(stock=3)
    orders = [shop.order(coupon_id=await shop.give_coupon(n)) for n in range(1, 5)]
    finals = await shop.office().place(orders)
    assert sum(final.confirmed for final in finals.values()) == 3
    assert shop.stock_of(1) == 0
    shop.check()


@pytest.mark.parametrize("fate", ["lost", "reply_lost", "timeout"])
async def test_a_lost_reply_to_submit_leads_to_no_second_pass(shops: Shops, fate):
    shop = shops(Plan(submit=fate))
    await shop.offer(stock=10)
    order = shop.order()
    assert (await shop.office().place([order]))[order.order_id].confirmed
    calls = Counter((a.gid, a.branch_id, a.op) for a in shop.dtm.arrivals)
    assert len(calls) == 3
    assert set(calls.values()) == {1}
    shop.check()


async def test_a_submit_that_dtm_never_got_is_sent_again_until_it_has_it(shops: Shops, monkeypatch):
    monkeypatch.setattr("eshop_order.placing.placer.SUBMIT_SECONDS", 0.005)
    shop = shops(Plan(submit="lost"))
    await shop.offer(stock=10)
    order = shop.order()
    async with asyncio.timeout(30):
        assert (await shop.office().place([order]))[order.order_id].confirmed
    assert len({arrival.gid for arrival in shop.dtm.arrivals}) == 1
    shop.check()


async def test_an_order_that_was_placed_before_is_told_as_it_ended(shop: Shop):
    await shop.offer(stock=1)
    first, second = shop.order(), shop.order()
    office = shop.office()
    told = await office.place([first]) | await office.place([second])
    assert await shop.office().place([first, second]) == told
    assert [told[o.order_id].confirmed for o in (first, second)] == [True, False]
    shop.check()


class TestRefusedBatches:
    """Only the orders at fault are refused, each with its reason; the others go again under a new gid."""

    @pytest.mark.parametrize("size", [1, 2, 7, 500])
    async def test_only_orders_at_fault_are_refused(self, shop: Shop, size: int):
        await shop.offer(1, stock=1000)
        await shop.offer(2, stock=1)
        used, foreign = await shop.give_coupon(1, status=USED), await shop.give_coupon(2, user_id=8)
        faults: dict[str, dict[str, Any]] = {
            "COUPON_ALREADY_USED": {"coupon_id": used},
            "COUPON_OF_ANOTHER_USER": {"coupon_id": foreign},
            "UNKNOWN_PRODUCT": {"product_id": 3},
            "OUT_OF_STOCK": {"product_id": 2, "product_count": 2},
            "UNKNOWN_COUPON": {"coupon_id": 9999},
        }
        bad = {code: shop.order(**values) for code, values in list(faults.items())[: max(1, size // 2)]}
        good = [shop.order(coupon_id=await shop.give_coupon(10 + n)) for n in range(size - len(bad))]
        finals = await shop.office().place([*good, *bad.values()])
        assert {finals[order.order_id].code for order in bad.values()} == set(bad)
        assert all(finals[order.order_id].confirmed for order in good)
        assert shop.stock_of(1) == 1000 - len(good)
        shop.check()

    async def test_the_others_go_again_under_a_new_gid(self, shop: Shop):
        await shop.offer(stock=10)
        good, bad = shop.order(), shop.order(product_id=9)
        await shop.office().place([good, bad])
        gids = list(dict.fromkeys(arrival.gid for arrival in shop.dtm.arrivals))
        assert len(gids) == 2
        assert shop.kept(good).gid == gids[1]
        assert shop.kept(bad).gid == gids[0]

    async def test_the_reason_is_one_that_a_buyer_understands(self, shop: Shop):
        await shop.offer(stock=2)
        orders = [shop.order(product_count=3), shop.order(product_id=9), shop.order(coupon_id=4)]
        finals = await shop.office().place(orders)
        assert [finals[order.order_id].reason for order in orders] == [
            "3 units of product 1 were ordered, but only 2 can be had",
            "product 9 is not for sale",
            "unknown_coupon",
        ]
        assert [shop.kept(order).reason for order in orders] == [finals[o.order_id].reason for o in orders]

    async def test_units_of_an_order_whose_coupon_is_refused_go_to_others(self, shop: Shop):
        await shop.offer(stock=2)
        bad, good = shop.order(coupon_id=99, product_count=2), shop.order(product_count=2)
        finals = await shop.office().place([bad, good])
        assert finals[good.order_id].confirmed
        shop.check()

    async def test_as_many_are_served_as_there_is_stock_for(self, shop: Shop):
        await shop.offer(stock=5)
        finals = await shop.office().place([shop.order() for _ in range(8)])
        assert sum(final.confirmed for final in finals.values()) == 5
        assert shop.stock_of(1) == 0
        shop.check()

    async def test_a_batch_that_fails_with_nobody_named_goes_one_by_one(self, shop: Shop):
        await shop.offer(stock=10)
        orders = [shop.order() for _ in range(4)]

        async def refuse_batches(payload: bytes, metadata: dict[str, str]) -> None:
            if len(payload) > 60:
                raise BranchRefused("too many at once")
            await by_itself(payload, metadata)

        url = "pay:1/api.pay.v1.pay/CreateMany"
        by_itself = shop.network.branch("pay:1", "/api.pay.v1.pay/CreateMany")
        shop.dtm.branch(url, refuse_batches)
        finals = await shop.office().place(orders)
        assert all(final.confirmed for final in finals.values())
        assert len({arrival.gid for arrival in shop.dtm.arrivals}) == 1 + len(orders)
        shop.check()

    async def test_a_lone_order_bears_the_blame_when_nobody_is_named(self, shop: Shop):
        await shop.offer(stock=10)

        async def refuse(payload: bytes, metadata: dict[str, str]) -> None:
            raise BranchRefused("no payments today")

        shop.dtm.branch("pay:1/api.pay.v1.pay/CreateMany", refuse)
        order = shop.order()
        finals = await shop.office().place([order])
        assert finals[order.order_id] == Final(False, "REFUSED", "no payments today")
        shop.check()

    async def test_only_the_service_that_refused_is_asked_for_its_refusals(self, shop: Shop):
        await shop.offer(stock=0)
        await shop.office().place([shop.order()])
        asked = [call for call in shop.network.calls if call.endswith("/GetRefusals")]
        assert asked == ["stock:1/api.stock.v1.stock/GetRefusals"]

    async def test_refusals_that_cannot_be_read_are_read_later_by_the_sweeper(self, shop: Shop):
        await shop.offer(stock=0)
        order = shop.order()
        shop.network.fail("stock:1", "GetRefusals")
        with pytest.raises(Unavailable):
            await shop.office().place([order])
        assert shop.state(order) == "reverted"
        shop.network.heal()
        await shop.recover()
        assert shop.kept(order).code == "OUT_OF_STOCK"
        shop.check()


class TestTwoPlacers:
    """Kafka delivers again, or a sweeper takes over, while the first placer is alive."""

    @pytest.mark.parametrize("plan", [Plan(), Plan(repeat=2, together=True), Plan(submit="reply_lost")], ids=str)
    async def test_they_agree_about_every_order(self, shops: Shops, plan: Plan):
        shop = shops(plan)
        await shop.offer(stock=4)
        orders = [shop.order(coupon_id=await shop.give_coupon(n)) for n in range(1, 8)]
        one, two, three = await asyncio.gather(
            *(shop.office().place(order) for order in (orders, orders[::-1], orders))
        )
        assert one == two == three
        assert sum(final.confirmed for final in one.values()) == 4
        assert {o.order_id: shop.kept(o).final for o in orders} == one
        shop.check()

    async def test_they_agree_when_they_have_only_some_orders_in_common(self, shop: Shop):
        await shop.offer(stock=10)
        orders = [shop.order() for _ in range(6)]
        one, two = await asyncio.gather(shop.office().place(orders[:4]), shop.office().place(orders[2:]))
        assert all(final.confirmed for final in (one | two).values())
        assert shop.stock_of(1) == 4
        shop.check()

    async def test_an_order_claimed_elsewhere_is_waited_for_and_looked_at_again(self, shop: Shop):
        await shop.offer(stock=10)
        mine, theirs = shop.order(), shop.order()
        await self._claim(shop, "elsewhere", theirs)
        placing = asyncio.create_task(shop.office().place([mine, theirs]))
        await _until(lambda: shop.state(mine) == "confirmed")
        assert not placing.done()
        assert shop.state(theirs) == "claimed"
        await shop.order_db.run(lambda tx: shop.orders.revert(tx, "elsewhere", [theirs.order_id]))
        assert all(final.confirmed for final in (await placing).values())
        shop.check()

    async def test_an_order_whose_saga_succeeded_is_confirmed_for_a_placer_that_died(self, shop: Shop):
        await shop.offer(stock=10)
        order = shop.order()
        dead = shop.office()
        placer: Any = dead.placer
        placer._db = _NeverAnswers()  # it dies before it could write the outcome
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await dead.place([order])
        assert shop.state(order) == "claimed"
        assert (await shop.office().place([order]))[order.order_id] == Final(True)
        shop.check()

    @pytest.mark.parametrize("kind", ["b", "f"])
    async def test_an_order_that_another_placer_confirmed_meanwhile_is_not_refused(self, shop: Shop, kind):
        """The first placer's saga was refused; until it reads why, there is stock again and another one comes."""
        await shop.offer(stock=0)
        order = shop.order(kind)
        slow = shop.office()
        reading = slow.placer._refusals.of

        async def read_slowly(*args: Any, **kwargs: Any) -> list[Fault]:
            faults = await reading(*args, **kwargs)
            await shop.stock_db.run_core(lambda tx: shop.stock.create(tx, 1, 5))
            assert (await shop.office().place([order]))[order.order_id].confirmed
            return faults

        slow.placer._refusals.of = read_slowly
        told = await slow.place([order])
        assert told[order.order_id] == shop.kept(order).final == Final(True)
        assert not shop.order_db.data.get("unit_return")
        shop.check()

    async def _claim(self, shop: Shop, gid: str, order: NewOrder) -> None:
        await shop.order_db.run(lambda tx: shop.orders.claim(tx, gid, [order], suite=True))


class _NeverAnswers:
    async def run(self, work: object) -> None:
        await asyncio.Event().wait()


async def _until(happened: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not happened():  # noqa: ASYNC110 - what happens here happens in other tasks, without an event
            await asyncio.sleep(0)
