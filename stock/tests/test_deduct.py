"""Deducting: the stock in MySQL and the flash sale's own in Redis, once per branch, in step."""

from dataclasses import replace
from itertools import count
from typing import Any

import pytest
from shop_in_memory.database import data_of
from shop_in_memory.stock import MemoryStock, rows

from aiodtm import BranchRefused
from eshop_chassis.dtm import BranchRefusal
from eshop_flash_sale.sale import Take
from eshop_stock import deduct
from eshop_stock.units import Units
from protoc_gen_fastapi.runtime import Refused, Unavailable

from .house import House


async def test_units_are_taken_once_however_often_the_branch_comes(house: House, g: str):
    await house.offer(1, 10)
    for _ in range(3):
        await house.deduct(Units("a", 1, 2), Units("b", 1, 3), gid=g)
    assert await house.mysql(1) == 5


async def test_units_go_back_once_however_often_the_undo_comes(house: House, g: str):
    await house.offer(1, 10)
    await house.deduct(Units("a", 1, 2), gid=g)
    for _ in range(3):
        await house.put_back(Units("a", 1, 2), gid=g)
    assert await house.mysql(1) == 10


async def test_an_undo_without_its_action_does_nothing_and_keeps_the_action_out(house: House, g: str):
    await house.offer(1, 10)
    await house.put_back(Units("a", 1, 2), gid=g)
    with pytest.raises((BranchRefused, Refused), match="undone"):
        await house.deduct(Units("a", 1, 2), gid=g)
    assert await house.mysql(1) == 10


@pytest.mark.parametrize(
    "told",
    [(Units("a", 1, 1_000_000),), (Units("b", 2, 1),), (), (Units("a", 2, 7), Units("c", 9, 5))],
    ids=["more units", "another product", "nothing", "something else"],
)
async def test_an_undo_puts_back_what_was_taken_whatever_it_is_told(house: House, g: str, told: tuple[Units, ...]):
    await house.offer(1, 10)
    await house.offer(2, 10)
    await house.deduct(Units("a", 1, 1), Units("b", 1, 2), gid=g)
    await house.put_back(*told, gid=g)
    assert (await house.mysql(1), await house.mysql(2)) == (10, 10)


async def test_a_refusal_names_the_orders_at_fault_and_is_stored(house: House, g: str):
    await house.offer(1, 3)
    with pytest.raises(BranchRefusal) as caught:
        await house.deduct(Units("a", 1, 2), Units("b", 1, 2), Units("c", 9, 1), gid=g)
    assert [(f.order_id, f.code) for f in caught.value.faults] == [("b", "OUT_OF_STOCK"), ("c", "UNKNOWN_PRODUCT")]
    assert await house.refusals(g) == [("b", "OUT_OF_STOCK"), ("c", "UNKNOWN_PRODUCT")]
    assert await house.mysql(1) == 3


async def test_a_refusal_stays_the_same_when_there_is_stock_again(house: House, g: str):
    await house.offer(1, 6)
    await house.deduct(Units("x", 1, 5), gid=g + "-other")
    for _ in range(2):
        with pytest.raises((BranchRefused, Refused)) as caught:
            await house.deduct(Units("a", 1, 2), gid=g)
        assert caught.value.short == "OUT_OF_STOCK"
        await house.put_back(Units("x", 1, 5), gid=g + "-other")
    assert await house.refusals(g) == [("a", "OUT_OF_STOCK")]


async def test_a_short_product_does_not_make_another_one_look_short(house: House, g: str):
    await house.offer(1, 3)
    await house.offer(2, 1)
    with pytest.raises(BranchRefusal) as caught:
        await house.deduct(Units("a", 1, 1), Units("b", 1, 2), Units("c", 2, 5), gid=g)
    assert [f.order_id for f in caught.value.faults] == ["c"]


async def test_the_undo_of_a_refused_branch_changes_nothing(house: House, g: str):
    await house.offer(1, 1)
    with pytest.raises(BranchRefusal):
        await house.deduct(Units("a", 1, 2), gid=g)
    await house.put_back(Units("a", 1, 2), gid=g)
    assert await house.mysql(1) == 1


class TestOnFlashSale:
    """Two stocks that never promise one unit twice."""

    async def test_an_ordinary_order_takes_its_units_from_both(self, house: House, g: str):
        await house.set(1, 10)
        await house.deduct(Units("a", 1, 2, user_id=7), gid=g)
        assert (await house.mysql(1), house.redis(1)) == (8, 8)

    async def test_a_flash_order_takes_its_units_from_mysql_only(self, house: House, g: str):
        await house.set(1, 10)
        await house.deduct(Units("a", 1, 2, flash_taken=True), gid=g)
        assert (await house.mysql(1), house.redis(1)) == (8, 10)

    async def test_both_kinds_in_one_batch(self, house: House, g: str):
        await house.set(1, 10)
        await house.offer(2, 10)
        await house.deduct(Units("a", 1, 1, flash_taken=True), Units("b", 1, 3), Units("c", 2, 1), gid=g)
        assert (await house.mysql(1), house.redis(1), await house.mysql(2)) == (6, 7, 9)

    async def test_the_undo_gives_back_what_was_taken_there(self, house: House, g: str):
        await house.set(1, 10)
        items = (Units("a", 1, 1, flash_taken=True), Units("b", 1, 3))
        await house.deduct(*items, gid=g)
        await house.put_back(*items, gid=g)
        assert (await house.mysql(1), house.redis(1)) == (10, 9 + 1)

    @pytest.mark.parametrize(
        "told", [Units("a", 1, 1_000_000), Units("a", 1, 2, flash_taken=True), Units("a", 2, 2)], ids=str
    )
    async def test_the_undo_gives_back_what_was_taken_whatever_it_is_told(self, house: House, g: str, told: Units):
        await house.set(1, 10)
        await house.set(2, 10)
        await house.deduct(Units("a", 1, 2, user_id=7), gid=g)
        await house.put_back(told, gid=g)
        assert [await house.mysql(p) for p in (1, 2)] == [10, 10]
        assert [house.redis(p) for p in (1, 2)] == [10, 10]

    async def test_the_undo_gives_back_though_the_service_started_again(self, house: House, g: str):
        await house.set(1, 10)
        await house.deduct(Units("a", 1, 2), gid=g)
        house.restart()
        await house.put_back(Units("a", 1, 2), gid=g)
        assert (await house.mysql(1), house.redis(1)) == (10, 10)

    async def test_repeated_calls_take_and_give_back_once(self, house: House, g: str):
        await house.set(1, 10)
        for _ in range(3):
            await house.deduct(Units("a", 1, 2), gid=g)
            house.restart()
        assert (await house.mysql(1), house.redis(1)) == (8, 8)
        for _ in range(3):
            await house.put_back(Units("a", 1, 2), gid=g)
        assert (await house.mysql(1), house.redis(1)) == (10, 10)

    @pytest.mark.parametrize("known", [True, False], ids=["sale known", "sale not known yet"])
    async def test_an_action_after_its_undo_takes_nothing(self, house: House, g: str, known: bool):
        await house.set(1, 10)
        if known:
            await house.deduct(Units("x", 1, 1), gid=g + "-before")
        left = house.redis(1)
        await house.put_back(Units("a", 1, 2), gid=g)
        with pytest.raises((BranchRefused, Refused), match="undone"):
            await house.deduct(Units("a", 1, 2), gid=g)
        assert (await house.mysql(1), house.redis(1)) == (left, left)

    async def test_sold_out_there_is_refused_with_the_orders_at_fault(self, house: House, g: str):
        await house.set(1, 3)
        with pytest.raises(BranchRefusal) as caught:
            await house.deduct(Units("a", 1, 2), Units("b", 1, 2), gid=g)
        assert [(f.order_id, f.code) for f in caught.value.faults] == [("b", "SOLD_OUT")]
        assert caught.value.message == "2 units of product 1 were ordered, but only 1 can be had"
        assert await house.refusals(g) == [("b", "SOLD_OUT")]
        await house.put_back(Units("a", 1, 2), Units("b", 1, 2), gid=g)
        assert (await house.mysql(1), house.redis(1)) == (3, 3)

    async def test_the_limit_per_user_holds_for_ordinary_orders_too(self, house: House, g: str):
        await house.set(1, 10, limit=2)
        await house.deduct(Units("a", 1, 2, user_id=7), gid=g)
        for _ in range(2):
            with pytest.raises(BranchRefusal) as caught:
                await house.deduct(Units("b", 1, 1, user_id=7), gid=g + "-2")
            assert caught.value.short == "LIMIT_REACHED"
            assert caught.value.message.endswith(
                "at most 2 per buyer in this flash sale; you have bought 2 and asked for 1"
            )

    async def test_units_that_were_taken_go_back_when_another_product_is_refused(self, house: House, g: str):
        await house.set(1, 10)
        await house.set(2, 1)
        items = (Units("a", 1, 2), Units("b", 2, 5))
        with pytest.raises(BranchRefusal):
            await house.deduct(*items, gid=g)
        await house.put_back(*items, gid=g)
        assert (await house.mysql(1), house.redis(1), await house.mysql(2), house.redis(2)) == (10, 10, 1, 1)

    async def test_units_that_were_taken_go_back_when_mysql_refuses(self, house: House, g: str):
        await house.set(1, 10)
        await house.offer(2, 1)
        items = (Units("a", 1, 2), Units("b", 2, 5))
        with pytest.raises(BranchRefusal) as caught:
            await house.deduct(*items, gid=g)
        assert [f.order_id for f in caught.value.faults] == ["b"]
        await house.put_back(*items, gid=g)
        assert (await house.mysql(1), house.redis(1), await house.mysql(2)) == (10, 10, 1)

    async def test_mysql_gets_its_units_back_before_redis_offers_them(self, house: House, g: str):
        await house.set(1, 10)
        await house.deduct(Units("a", 1, 2), gid=g)
        house.network.down.add("flash:1")
        with pytest.raises(Unavailable):
            await house.put_back(Units("a", 1, 2), gid=g)
        assert (await house.mysql(1), house.redis(1)) == (10, 8)
        house.network.heal()
        await house.put_back(Units("a", 1, 2), gid=g)
        assert (await house.mysql(1), house.redis(1)) == (10, 10)

    async def test_while_the_flash_sale_is_away_nothing_is_deducted(self, house: House, g: str, monkeypatch):
        monkeypatch.setattr(deduct, "CLOSED_WAIT_SECONDS", 0)
        await house.set(1, 10)
        house.network.down.add("flash:1")
        with pytest.raises(Unavailable):
            await house.deduct(Units("a", 1, 2), gid=g)
        assert await house.mysql(1) == 10
        house.network.heal()
        await house.deduct(Units("a", 1, 2), gid=g)
        assert (await house.mysql(1), house.redis(1)) == (8, 8)

    async def test_a_sale_that_is_being_set_is_waited_for(self, house: House, g: str):
        await house.set(1, 10)
        await house.deduct(Units("x", 1, 1), gid=g + "-before")
        await house.sales.close(1, "t1")
        take, asked = house.sales.take, count(1)

        async def take_of_a_sale_that_opens(*args: Any, **kwargs: Any) -> Any:
            if next(asked) == 2:
                await house.sales.open(1, "t1", 0, 0, 0)
            return await take(*args, **kwargs)

        house.sales.take = take_of_a_sale_that_opens
        await house.deduct(Units("a", 1, 2), gid=g)
        assert (await house.mysql(1), house.redis(1)) == (7, 7)

    async def test_a_sale_that_ended_needs_no_units_from_it(self, house: House, g: str):
        """Redis has lost the sale, and MySQL knows that the product is an ordinary one again."""
        await house.set(1, 10)
        await house.deduct(Units("x", 1, 1), gid=g + "-before")
        del house.sales.sales[1]
        await house.db.run(lambda tx: end_sale(house.store, tx, 1))
        await house.deduct(Units("a", 1, 2), gid=g)
        assert await house.mysql(1) == 7

    async def test_a_sale_that_redis_has_lost_is_not_sold_from(self, house: House, g: str):
        await house.set(1, 10)
        await house.deduct(Units("x", 1, 1), gid=g + "-before")
        del house.sales.sales[1]
        with pytest.raises(BranchRefusal) as caught:
            await house.deduct(Units("a", 1, 2), gid=g)
        assert [f.code for f in caught.value.faults] == ["NOT_ON_SALE"]
        assert await house.mysql(1) == 9

    async def test_one_sale_that_ended_does_not_take_twice_from_another(self, house: House, g: str):
        await house.set(1, 10)
        await house.set(2, 10)
        await house.deduct(Units("x", 1, 1), Units("y", 2, 1), gid=g + "-before")
        del house.sales.sales[2]
        await house.db.run(lambda tx: end_sale(house.store, tx, 2))
        await house.deduct(Units("a", 1, 2), Units("b", 2, 3), gid=g)
        assert (await house.mysql(1), house.redis(1), await house.mysql(2)) == (7, 7, 6)


async def end_sale(store: Any, tx: Any, product_id: int) -> None:
    """Makes a product an ordinary one again, as deleting its stock row and creating another would."""
    if isinstance(store, MemoryStock):
        table = rows(data_of(tx))
        table[product_id] = replace(table[product_id], version=0)
    else:
        await tx.exec_driver_sql("UPDATE stock SET flash_version = 0 WHERE product_id = %s", (product_id,))


async def test_taking_from_the_sale_is_part_of_the_branch(house: House, g: str):
    """The units lie in Redis under the order's id, user and count, so that the sale can be settled later."""
    await house.set(1, 10)
    await house.deduct(Units("a", 1, 2, user_id=7), gid=g)
    assert house.sales.unsettled[1] == {"a": Take("a", 7, 2)}
