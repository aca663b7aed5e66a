"""Setting a flash sale: both stocks agree from then on, whoever is in the middle of what, and whoever dies."""

import asyncio
from collections.abc import Callable
from contextlib import nullcontext
from itertools import count
from typing import Any

import pytest
from shop_in_memory.stock import MemoryStock
from sqlalchemy.exc import OperationalError

from aiodtm import Barrier, random_gid
from eshop_flash_sale.sale import Take
from eshop_stock import flash
from eshop_stock.units import Units
from protoc_gen_fastapi.runtime import Refused, Unavailable

from .house import House


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flash, "FINISH_EVERY_SECONDS", 0.001)
    monkeypatch.setattr(flash, "LOOK_AGAIN_SECONDS", 0.001)


async def buy(house: House, ref: str, user: int = 0, units: int = 1) -> bool:
    """Takes units of product 1 as a buyer of the flash sale does."""
    taken = await house.sales.take(Barrier.of_message(random_gid("1")), 1, [Take(ref, user, units)], each=True)
    return ref in taken.accepted


async def book(house: House, ref: str, units: int = 1) -> None:
    """Places the order of such a buyer."""
    await house.deduct(Units(ref, 1, units, flash_taken=True), gid=random_gid("unittest"))


async def pending(house: House) -> int:
    """Units that were sold and are not booked in MySQL yet."""
    sold = house.sales.unsettled[1]
    placed = await house.db.run(lambda tx: house.store.placed(tx, list(sold)))
    return sum(take.count for ref, take in sold.items() if ref not in placed)


async def assert_in_step(house: House) -> None:
    """Both stocks agree, and the sale is open."""
    assert house.sales.sales[1].state == "open"
    assert await house.mysql(1) == house.redis(1) + await pending(house)


async def finish(house: House) -> None:
    """Lets some time pass, in which the stock service finishes what was left undone."""
    await house.pass_time(20)
    finishing = asyncio.create_task(house.flash_sales.finish_openings())
    await asyncio.sleep(0.05 if isinstance(house.store, MemoryStock) else 0.2)
    for _ in range(100):  # a machine that is busy takes longer
        if all(sale.state == "open" for sale in house.sales.sales.values()):
            break
        await asyncio.sleep(0.01)
    finishing.cancel()


async def test_a_product_without_a_row_is_put_on_sale(house: House):
    await house.set(1, 10)
    assert (await house.mysql(1), house.redis(1)) == (10, 10)
    await assert_in_step(house)


async def test_an_ordinary_product_is_put_on_sale(house: House):
    await house.offer(1, 500)
    await house.set(1, 10)
    assert (await house.mysql(1), house.redis(1)) == (10, 10)


async def test_setting_again_counts_from_the_new_stock(house: House):
    await house.set(1, 10)
    await buy(house, "a")
    await book(house, "a")
    await house.set(1, 5)
    assert (await house.mysql(1), house.redis(1), house.sales.sales[1].version) == (5, 5, 2)
    await assert_in_step(house)


async def test_setting_to_nothing_ends_the_selling(house: House):
    await house.set(1, 10)
    await house.set(1, 0)
    assert not await buy(house, "a")
    await assert_in_step(house)


async def test_the_limit_counts_anew_in_a_new_sale(house: House):
    await house.set(1, 10, limit=1)
    assert [await buy(house, "a", user=7), await buy(house, "b", user=7)] == [True, False]
    await house.set(1, 10, limit=1)
    assert await buy(house, "c", user=7)


async def test_units_that_were_sold_and_not_booked_yet_are_not_offered_again(house: House):
    await house.set(1, 10)
    await buy(house, "a")
    await buy(house, "b", units=2)
    await book(house, "b", units=2)
    await house.set(1, 10)
    assert (await house.mysql(1), house.redis(1)) == (10, 9)
    await book(house, "a")
    assert (await house.mysql(1), house.redis(1)) == (9, 9)
    await assert_in_step(house)


async def test_orders_that_are_on_their_way_are_waited_for_a_moment(house: House):
    await house.set(1, 10)
    await buy(house, "a")
    house.flash_sales._settle_seconds = 5
    setting = asyncio.create_task(house.set(1, 10))
    await asyncio.sleep(0.01)
    await book(house, "a")
    await setting
    assert (await house.mysql(1), house.redis(1)) == (10, 10)


async def test_more_sold_than_the_new_stock_is_refused_and_the_sale_goes_on_as_it_was(house: House):
    await house.set(1, 10, limit=3)
    await buy(house, "a", user=7, units=3)
    with pytest.raises(Refused, match="3 units that were sold before"):
        await house.set(1, 2)
    assert (await house.mysql(1), house.redis(1), house.sales.sales[1].version) == (10, 7, 1)
    assert not await buy(house, "b", user=7)
    assert await buy(house, "c", user=8)
    await assert_in_step(house)


async def test_a_refusal_leaves_a_product_that_was_never_on_sale_as_it_was(house: House):
    """Its row went while sold units were on their way; what Redis had of it is gone as well."""
    await house.offer(1, 5)
    house.sales.unsettled[1] = {"a": Take("a", 0, 3)}
    with pytest.raises(Refused):
        await house.set(1, 2)
    assert await house.mysql(1) == 5
    assert 1 not in house.sales.sales


async def test_units_that_come_back_while_the_sale_is_closed_are_offered(house: House, g: str):
    await house.set(1, 10)
    await buy(house, "refused")
    await house.deduct(Units("undone", 1, 2), gid=g)
    close = house.flash_sale.close_sale

    async def close_and_return(*args: Any) -> Any:
        closed = await close(*args)
        await house.sales.settle(1, [("refused", True)])
        await house.put_back(Units("undone", 1, 2), gid=g)
        return closed

    house.flash_sale.close_sale = close_and_return
    await house.set(1, 10)
    assert (await house.mysql(1), house.redis(1)) == (10, 10)
    await assert_in_step(house)


async def test_settings_of_one_product_wait_for_each_other(house: House):
    await asyncio.gather(*(house.set(1, n) for n in (10, 20, 30, 40)))
    assert house.sales.sales[1].version == 4
    assert await house.mysql(1) == house.redis(1)
    await assert_in_step(house)


async def test_who_waits_too_long_for_another_setting_is_told(house: House, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(flash, "LOCK_SECONDS", 0)
    async with house.flash_sales.one_at_a_time(1):
        with pytest.raises(Unavailable, match="by somebody else"):
            await house.set(1, 10)


async def test_one_that_was_overtaken_opens_nothing(house: House):
    """Its lease ran out; somebody else set the sale meanwhile."""
    await house.set(1, 10)
    open_sale = house.flash_sale.open_sale

    async def open_late(*args: Any) -> Any:
        house.flash_sale.open_sale = open_sale
        slow = house.flash_sales
        house.restart()
        house.flash_sales.one_at_a_time = _unlocked
        await house.set(1, 30)
        house.flash_sales = slow
        return await open_sale(*args)

    house.flash_sale.open_sale = open_late
    with pytest.raises(Refused, match="somebody else"):
        await house.set(1, 20)
    assert house.redis(1) == 30
    await finish(house)
    await assert_in_step(house)


class TestDeaths:
    """Whoever sets a sale may die between any two steps: the sale is finished without anybody asking."""

    @pytest.mark.parametrize("before", ["nothing", "ordinary", "on sale"])
    async def test_a_sale_whose_setter_died_is_opened_by_the_next(self, make_house: Callable[..., House], before: str):
        for moment in count(1):
            house = make_house()
            if before == "ordinary":
                await house.offer(1, 5)
            if before == "on sale":
                await house.set(1, 20)
                await buy(house, "a", units=2)
                await buy(house, "b")
                await book(house, "b")
            died = await house.set_until(moment, 1, 10)
            house.restart()
            await asyncio.sleep(0.01)
            await finish(house)
            found = (await house.db.run(lambda tx, house=house: house.store.find(tx, [1]))).get(1)
            assert found is not None or before == "nothing"
            if found is not None and found.on_flash_sale:
                await assert_in_step(house)
            if found is not None and found.stock:
                await house.deduct(Units("x", 1, 1), gid=random_gid("unittest"))
            if not died:
                assert moment > 5
                return

    async def test_a_database_that_is_busy_does_not_leave_the_sale_closed(self, house: House, monkeypatch):
        await house.set(1, 10)
        await buy(house, "a")

        async def busy(*_args: Any) -> int:
            raise OperationalError("UPDATE stock", {}, Exception(1205, "Lock wait timeout exceeded"))

        with monkeypatch.context() as patched:
            patched.setattr(house.store, "set_flash", busy)
            with pytest.raises(OperationalError):
                await house.set(1, 20)
        await finish(house)
        await assert_in_step(house)

    async def test_a_lost_reply_of_open_is_finished(self, house: House):
        open_sale = house.flash_sale.open_sale

        async def lose_the_reply(*args: Any) -> Any:
            house.flash_sale.open_sale = open_sale
            await open_sale(*args)
            raise Unavailable

        house.flash_sale.open_sale = lose_the_reply
        with pytest.raises(Unavailable):
            await house.set(1, 10)
        await buy(house, "a")
        await finish(house)
        await assert_in_step(house)
        assert (await house.mysql(1), house.redis(1)) == (10, 9)

    async def test_finishing_keeps_the_limit(self, house: House):
        house.network.fail("flash:1", "OpenSale")
        with pytest.raises(Unavailable):
            await house.set(1, 10, limit=1)
        house.network.heal()
        await finish(house)
        assert house.sales.sales[1].limit == 1
        await assert_in_step(house)

    async def test_a_sale_that_can_not_be_finished_now_is_finished_later(self, house: House):
        await house.set(1, 10)
        house.network.fail("flash:1", "OpenSale")
        with pytest.raises(Unavailable):
            await house.set(1, 20)
        house.network.heal()
        await house.pass_time(20)
        finishing = asyncio.create_task(house.flash_sales.finish_openings())
        async with asyncio.timeout(30):
            while house.sales.sales[1].state != "open":  # noqa: ASYNC110 - a loop that never ends does it
                await asyncio.sleep(0.005)
        finishing.cancel()
        await assert_in_step(house)


def _unlocked(_product_id: int) -> Any:
    return nullcontext()
