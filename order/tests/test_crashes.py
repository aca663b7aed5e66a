"""A placer that dies: whatever it was waiting for, its orders end whole or not at all, and nobody's order is lost."""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import count
from typing import Any

import pytest
from shop_in_memory.crash import dies_at
from shop_in_memory.shop import Shop

from aiodtm.testing import Fault as Mishap
from aiodtm.testing import Plan
from eshop_order.orders import NewOrder

Shops = Callable[..., Shop]
Recovery = Callable[[Shop, list[NewOrder]], Awaitable[None]]


async def sweep(shop: Shop, orders: list[NewOrder]) -> None:
    await shop.recover()


async def deliver_again(shop: Shop, orders: list[NewOrder]) -> None:
    await shop.office().place(orders)
    await shop.recover()


async def both(shop: Shop, orders: list[NewOrder]) -> None:
    await asyncio.gather(shop.recover(), shop.office().place(orders))
    await shop.recover()


RECOVERIES = [sweep, deliver_again, both]


async def every_death(shops: Shops, plan: Plan, batch: Callable[[Shop], Awaitable[list[NewOrder]]], recover: Recovery):
    """Lets the placer die at every moment, recovers, and hands back the shop each time.

    Each time it waits for DTM the saga is let go on for a while, more and more, before the recovery begins.
    """
    for moment in count(1):
        for steps in (0, 2, 5, 10, 20, 40, 80):
            shop = shops(plan)
            orders = await batch(shop)
            died = await dies_at(shop.office().place(orders), moment)
            for _ in range(steps):
                await asyncio.sleep(0)
            await recover(shop, orders)
            await shop.dtm.settle()
            shop.check()
            yield shop, orders
            await shop.close()
        if not died:
            assert moment > 2
            return


@pytest.mark.parametrize("recover", RECOVERIES)
@pytest.mark.parametrize("plan", [Plan(), Plan(repeat=2), Plan((Mishap("reply_lost", 3),))], ids=str)
async def test_a_good_order_survives_its_placer(shops: Shops, plan: Plan, recover: Recovery):
    async def batch(shop: Shop) -> list[NewOrder]:
        await shop.offer(stock=5)
        return [shop.order(coupon_id=await shop.give_coupon(1))]

    async for shop, [order] in every_death(shops, plan, batch, recover):
        wanted = ("absent", "confirmed") if recover is sweep else ("confirmed",)
        assert shop.state(order) in wanted
        assert shop.stock_of(1) == 5 - (shop.state(order) == "confirmed")


@pytest.mark.parametrize("recover", RECOVERIES)
async def test_of_a_refused_batch_the_good_orders_survive_and_the_bad_are_told(shops: Shops, recover: Recovery):
    async def batch(shop: Shop) -> list[NewOrder]:
        await shop.offer(stock=5)
        return [shop.order(), shop.order(coupon_id=99), shop.order(product_id=9), shop.order()]

    async for shop, orders in every_death(shops, Plan(), batch, recover):
        states = [shop.state(order) for order in orders]
        wanted = ["confirmed", "cancelled", "cancelled", "confirmed"]
        assert states == wanted or (recover is sweep and states == ["absent"] * 4)
        if states == wanted:
            assert [shop.kept(order).code for order in orders[1:3]] == ["UNKNOWN_COUPON", "UNKNOWN_PRODUCT"]


@pytest.mark.parametrize("recover", RECOVERIES)
async def test_the_unit_of_a_refused_flash_order_goes_back_exactly_once(shops: Shops, recover: Recovery):
    async def batch(shop: Shop) -> list[NewOrder]:
        await shop.set_flash_sale(stock=3)
        orders = [shop.order("f"), shop.order("f", coupon_id=99)]
        await shop.take_flash_units(orders)
        return orders

    async for shop, orders in every_death(shops, Plan(), batch, recover):
        states = [shop.state(order) for order in orders]
        assert states == ["confirmed", "cancelled"] or (recover is sweep and states == ["absent", "absent"])
        placed = states != ["absent", "absent"]
        assert (shop.sales.sales[1].left, shop.sales.sales[1].returned) == ((2, 1) if placed else (1, 0))
        assert shop.stock_of(1) == (2 if placed else 3)


async def test_a_good_order_does_not_bear_the_blame_of_another_one(shop: Shop):
    """The placer dies when the order at fault is cancelled and the other one has not been placed again."""
    await shop.offer(stock=5)
    good, bad = shop.order(), shop.order(coupon_id=99)
    office = shop.office()
    placer: Any = office.placer
    orders: Any = shop.orders
    cancelling = orders.cancel

    async def cancel_and_die(*args: Any) -> set[str]:
        placer._sagas = None  # it gets no further
        return await cancelling(*args)

    orders.cancel = cancel_and_die
    with pytest.raises(AttributeError):
        await office.place([good, bad])
    orders.cancel = cancelling
    assert (shop.state(good), shop.state(bad)) == ("reverted", "cancelled")
    await shop.recover()
    assert shop.state(good) == "confirmed"
    shop.check()


@pytest.mark.parametrize("plan", [Plan(), Plan(submit="timeout"), Plan((Mishap("crash_after", 2),))], ids=str)
async def test_the_sweeper_may_die_as_well(shops: Shops, plan: Plan):
    for moment in count(1):
        shop = shops(plan)
        await shop.offer(stock=5)
        orders = [shop.order(), shop.order(product_id=9)]
        await dies_at(shop.office().place(orders), 12)
        await shop.dtm.settle()
        shop.pass_time()
        died = await dies_at(shop.office().sweeper.sweep(), moment)
        await shop.recover()
        assert [shop.state(order) for order in orders] in (["confirmed", "cancelled"], ["absent", "absent"])
        shop.check()
        if not died:
            return
