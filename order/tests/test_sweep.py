"""The sweeper: finishes what was left behind, leaves alone what is being worked on, and sends units back once."""

import pytest
from shop_in_memory.shop import LEFT_BEHIND_SECONDS, Shop

from aiodtm import Outcome, Step
from eshop_order.orders import NewOrder
from eshop_protos.order.v1 import order_pb2


async def claim(shop: Shop, gid: str, order: NewOrder, *, suite: bool = True) -> None:
    await shop.order_db.run(lambda tx: shop.orders.claim(tx, gid, [order], suite=suite))


async def revert(shop: Shop, gid: str, order: NewOrder) -> None:
    await shop.order_db.run(lambda tx: shop.orders.revert(tx, gid, [order.order_id]))


async def foreign_saga(shop: Shop, gid: str, order: NewOrder, *, then: str = "") -> Outcome:
    """A saga that somebody else submits; `then` is the address of a second step."""
    saga = shop.dtm.saga(gid)
    url = "order:1/api.order.v1.order/Create"
    saga.step(Step(url, f"{url}Revert", order.to_message()))
    if then:
        saga.step(Step(then, "", b""))
    return await saga.submit(0.2)


async def test_it_confirms_an_order_whose_saga_succeeded(shop: Shop):
    order = shop.order("o")
    await foreign_saga(shop, "g1", order)
    assert shop.state(order) == "claimed"
    await shop.recover()
    assert shop.state(order) == "confirmed"


async def test_an_order_of_a_foreign_saga_that_failed_is_final_with_it(shop: Shop):
    order = shop.order("o")
    outcome = await foreign_saga(shop, "g1", order, then="pay:1/api.pay.v1.pay/CreateMany")
    assert outcome.status == "failed"
    await shop.recover()
    assert shop.state(order) == "cancelled"
    assert shop.kept(order).code == "REVERTED"
    shop.check()


async def test_an_order_of_a_saga_that_still_runs_is_left_alone(shop: Shop):
    order = shop.order("o")
    shop.network.down.add("pay:1")
    await foreign_saga(shop, "g1", order, then="pay:1/api.pay.v1.pay/CreateMany")
    shop.pass_time()
    await shop.office().sweeper.sweep()
    assert shop.state(order) == "claimed"


async def test_a_saga_that_waits_for_its_next_try_is_woken_but_not_at_every_sweep(shop: Shop, monkeypatch):
    order, woken, office = shop.order("o"), [], shop.office()
    shop.network.down.add("pay:1")
    await foreign_saga(shop, "g1", order, then="pay:1/api.pay.v1.pay/CreateMany")
    shop.pass_time()

    async def wake_one(gid: str) -> None:
        woken.append(gid)

    monkeypatch.setattr(shop.dtm, "wake_one", wake_one)
    for _ in range(3):
        await office.sweeper.sweep()
    assert woken == ["g1"]


async def test_an_order_of_a_saga_that_dtm_has_lost_is_left_alone(shop: Shop):
    """Its branches have run, for it is claimed: to free the order now would leave its units and its payment behind."""
    order = shop.order()
    await claim(shop, "unknown-to-dtm", order)
    shop.pass_time()
    await shop.office().sweeper.sweep()
    assert shop.state(order) == "claimed"


async def test_an_order_that_was_only_noted_as_running_is_placed(shop: Shop):
    await shop.offer(stock=5)
    orders = [shop.order("o"), shop.order("o")]
    await shop.order_db.run(lambda tx: shop.orders.note_running(tx, "", [orders[0]]))
    await shop.order_db.run(lambda tx: shop.orders.note_running(tx, "unknown-to-dtm", [orders[1]]))
    await shop.recover()
    assert [shop.state(order) for order in orders] == ["confirmed", "confirmed"]
    shop.check()


async def test_a_reverted_order_is_placed_again(shop: Shop):
    await shop.offer(stock=5)
    order = shop.order()
    await claim(shop, "unknown-to-dtm", order)
    await revert(shop, "unknown-to-dtm", order)
    await shop.recover()
    assert shop.state(order) == "confirmed"
    shop.check()


async def test_a_young_order_is_left_to_its_placer(shop: Shop):
    order = shop.order()
    await claim(shop, "g1", order)
    await revert(shop, "g1", order)
    shop.pass_time(LEFT_BEHIND_SECONDS - 1)
    await shop.office().sweeper.sweep()
    assert shop.state(order) == "reverted"


async def test_an_order_that_this_process_places_at_present_is_left_alone(shop: Shop):
    order = shop.order()
    await claim(shop, "g1", order)
    await revert(shop, "g1", order)
    shop.pass_time()
    office = shop.office()
    office.in_flight.enter(order.order_id, "g2")
    await office.sweeper.sweep()
    assert shop.state(order) == "reverted"


async def test_a_final_order_is_never_touched(shop: Shop):
    await shop.offer(stock=1)
    orders = [shop.order(), shop.order()]
    await shop.office().place(orders)
    rows = [shop.row(order) for order in orders]
    await shop.recover()
    assert [shop.row(order) for order in orders] == rows


async def test_many_orders_left_behind_by_several_sagas_are_all_finished(shop: Shop):
    await shop.offer(stock=100)
    orders = [shop.order(coupon_id=99 if n % 4 == 0 else 0) for n in range(40)]
    for n, order in enumerate(orders):
        await claim(shop, f"g{n % 7}", order)
        await revert(shop, f"g{n % 7}", order)
    await shop.recover()
    assert [shop.state(order) for order in orders] == ["cancelled", "confirmed", "confirmed", "confirmed"] * 10
    shop.check()


class TestUnitsThatGoBack:
    async def refused_flash_order(self, shop: Shop, **values: int) -> NewOrder:
        await shop.set_flash_sale(stock=3)
        order = shop.order("f", **values)
        await shop.take_flash_units([order])
        await shop.office().place([order])
        assert shop.state(order) == "cancelled"
        return order

    async def test_a_refused_flash_order_leaves_a_note_with_its_cancellation(self, shop: Shop):
        order = await self.refused_flash_order(shop, coupon_id=99)
        assert shop.order_db.data["unit_return"] == {order.order_id: (1, True)}

    async def test_its_unit_is_for_sale_again(self, shop: Shop):
        await self.refused_flash_order(shop, coupon_id=99)
        await shop.office().sweeper.sweep()
        assert shop.sales.sales[1].left == 3
        assert shop.order_db.data["unit_return"] == {}

    async def test_the_unit_goes_back_once_though_it_is_sent_twice(self, shop: Shop):
        order = await self.refused_flash_order(shop, coupon_id=99)
        office = shop.office()
        await office.sweeper.sweep()
        await shop.order_db.run(lambda tx: shop.orders.note_return(tx, order, resell=True))
        await office.sweeper.sweep()
        assert (shop.sales.sales[1].left, shop.sales.sales[1].returned) == (3, 1)

    async def test_a_unit_that_mysql_has_not_got_is_not_sold_again(self, shop: Shop):
        await shop.set_flash_sale(stock=3)
        order = shop.order("f")
        await shop.take_flash_units([order])
        await shop.stock_db.run_core(lambda tx: shop.stock.create(tx, 1, 0))
        await shop.office().place([order])
        assert shop.order_db.data["unit_return"] == {order.order_id: (1, False)}
        await shop.office().sweeper.sweep()
        assert (shop.sales.sales[1].left, shop.sales.unsettled[1]) == (2, {})

    async def test_while_the_flash_sale_does_not_answer_the_note_stays(self, shop: Shop):
        order = await self.refused_flash_order(shop, coupon_id=99)
        shop.network.down.add("flash:1")
        with pytest.raises(Exception, match="Unavailable"):
            await shop.office().sweeper.sweep()
        assert list(shop.order_db.data["unit_return"]) == [order.order_id]
        shop.network.heal()
        await shop.office().sweeper.sweep()
        assert shop.sales.sales[1].left == 3

    async def test_a_flash_sale_that_does_not_answer_keeps_nobody_from_being_placed(self, shop: Shop):
        await self.refused_flash_order(shop, coupon_id=99)
        shop.network.down.add("flash:1")
        await shop.offer(2, stock=5)
        order = shop.order(product_id=2)
        await shop.order_db.run(lambda tx: shop.orders.note_running(tx, "", [order]))
        shop.pass_time()
        sweeper = shop.office().sweeper
        with pytest.raises(Exception, match="Unavailable"):
            await sweeper.sweep()
        shop.network.heal()
        await sweeper.sweep()
        assert shop.state(order) == "confirmed"

    async def test_the_unit_of_an_ordinary_order_is_given_back_by_its_saga(self, shop: Shop):
        await shop.set_flash_sale(stock=3)
        order = shop.order(coupon_id=99)
        await shop.office().place([order])
        assert (shop.sales.sales[1].left, shop.stock_of(1)) == (3, 3)
        assert "unit_return" not in shop.order_db.data
        shop.check()


async def test_foreign_creates_are_marked_as_such(shop: Shop):
    mine, foreign = shop.order(), shop.order("o")
    await foreign_saga(shop, "g1", foreign)
    await shop.offer()
    await shop.office().place([mine])
    assert (shop.kept(mine).suite, shop.kept(foreign).suite) == (True, False)
    assert isinstance(mine.to_message(), order_pb2.CreateOrderRequest)
