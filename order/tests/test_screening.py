"""Looking ahead: once refusals are about, what would be refused is refused at once, and only that."""

from collections import Counter

import pytest
from shop_in_memory.shop import SCREENED_BATCHES, Office, Shop

from eshop_coupon.coupons import USED
from eshop_order.orders import Final, NewOrder


def sagas(shop: Shop) -> int:
    return len({arrival.gid for arrival in shop.dtm.arrivals})


def looks(shop: Shop) -> Counter[str]:
    return Counter(call.partition("/")[0] for call in shop.network.calls if call.endswith("/CheckMany"))


@pytest.fixture
async def wary(shop: Shop) -> tuple[Shop, Office]:
    """A shop with 100 units of product 1, whose order service has just seen a saga refused."""
    await shop.offer(1, stock=100)
    office = shop.office()
    await office.place([shop.order(product_id=9)])
    shop.dtm.arrivals.clear()
    return shop, office


async def test_nobody_is_asked_while_no_saga_is_refused(shop: Shop):
    await shop.offer(stock=10)
    await shop.office().place([shop.order() for _ in range(5)])
    assert not looks(shop)
    shop.check()


async def test_bad_orders_are_refused_with_their_reasons_and_the_good_ones_go_in_one_saga(wary):
    shop, office = wary
    used = await shop.give_coupon(1, status=USED)
    foreign = await shop.give_coupon(2, user_id=8)
    bad = {
        "COUPON_ALREADY_USED": shop.order(coupon_id=used),
        "COUPON_OF_ANOTHER_USER": shop.order(coupon_id=foreign),
        "UNKNOWN_COUPON": shop.order(coupon_id=99),
        "UNKNOWN_PRODUCT": shop.order(product_id=9),
        "OUT_OF_STOCK": shop.order(product_count=101),
    }
    good = [shop.order(coupon_id=await shop.give_coupon(10 + n)) for n in range(5)]
    finals = await office.place([*bad.values(), *good])
    assert {finals[order.order_id].code for order in bad.values()} == set(bad)
    assert all(finals[order.order_id].reason for order in bad.values())
    assert all(finals[order.order_id].confirmed for order in good)
    assert sagas(shop) == 1
    shop.check()


async def test_units_that_an_order_with_a_bad_coupon_asks_for_are_there_for_its_neighbours(wary):
    shop, office = wary
    greedy = shop.order(product_count=100, coupon_id=99)
    good = [shop.order(product_count=50), shop.order(product_count=50)]
    finals = await office.place([greedy, *good])
    assert [finals[order.order_id].confirmed for order in (greedy, *good)] == [False, True, True]
    assert shop.stock_of(1) == 0
    shop.check()


async def test_it_names_no_more_orders_than_there_are_units_missing(wary):
    shop, office = wary
    orders = [shop.order(product_count=30) for _ in range(5)]
    finals = await office.place(orders)
    assert [finals[order.order_id].confirmed for order in orders] == [True, True, True, False, False]
    shop.check()


async def test_an_order_that_is_placed_already_keeps_its_outcome_though_its_coupon_is_used_by_now(wary):
    shop, office = wary
    order = shop.order(coupon_id=await shop.give_coupon(3))
    assert (await office.place([order]))[order.order_id] == Final(True)
    office.placer._screening.refused()
    again = await office.place([order, shop.order()])
    assert again[order.order_id] == Final(True)
    shop.check()


async def test_an_order_that_another_transaction_has_is_left_to_it(wary):
    shop, office = wary
    order = shop.order(coupon_id=99)
    await shop.order_db.run(lambda tx: shop.orders.claim(tx, "other", [order], suite=True))
    assert await office.placer._refuse_on_sight([order, shop.order()]) == {}
    assert shop.state(order) == "claimed"


@pytest.mark.parametrize("away", ["stock:1", "coupon:1"])
async def test_where_a_service_does_not_answer_the_saga_decides(wary, away):
    shop, office = wary
    shop.network.fail(away, "CheckMany")
    orders = [shop.order(), shop.order(product_id=9), shop.order(coupon_id=99)]
    finals = await office.place(orders)
    assert [finals[order.order_id].confirmed for order in orders] == [True, False, False]
    shop.check()


async def test_flash_sale_orders_and_single_ones_are_not_looked_at(wary):
    shop, office = wary
    flash: list[NewOrder] = [shop.order("f"), shop.order("f")]
    before = looks(shop)
    assert await office.placer._screening.faults(flash) == []
    assert await office.placer._screening.faults([shop.order(product_id=9)]) == []
    assert looks(shop) == before


async def test_it_stops_looking_when_nothing_was_refused_for_a_while(wary):
    shop, office = wary
    for _ in range(SCREENED_BATCHES):
        assert await office.placer._screening.faults([shop.order(), shop.order()]) == []
    before = looks(shop)
    await office.placer._screening.faults([shop.order(), shop.order(product_id=9)])
    assert looks(shop) == before
