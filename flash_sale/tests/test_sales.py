"""The sales themselves: the Lua scripts on the real Redis, and their model in Python, pass the same tests."""

import asyncio

import pytest

from aiodtm import Barrier, BranchRefused, random_gid
from eshop_contract import refusals
from eshop_flash_sale.sale.sales import SALE_CLOSED, UNDONE, Keys, Take, Taken
from protoc_gen_fastapi.runtime import Refused, Unavailable

from .shelf import MemoryShelf, Shelf


def branch(op: str, gid: str, branch_id: str = "02") -> Barrier:
    return Barrier(gid, "saga", branch_id, op)


def refused(taken: Taken) -> dict[str, str]:
    return {ref: why.short for ref, why in taken.refused.items()}


class TestTaking:
    async def test_a_unit_is_taken_and_remembered_until_it_is_settled(self, shelf: Shelf, product: int):
        await shelf.opened(product, 10)
        assert await shelf.buy(product, "a", user=7, units=2) == Taken(frozenset({"a"}), {})
        assert await shelf.counters(product) == ("open", 10, 8, 2, 0)
        assert await shelf.unsettled(product) == {"a": Take("a", 7, 2)}
        assert await shelf.bought(product) == {7: 2}

    async def test_the_last_unit_is_sold_and_no_more(self, shelf: Shelf, product: int):
        await shelf.opened(product, 1)
        assert "a" in (await shelf.buy(product, "a")).accepted
        assert refused(await shelf.buy(product, "b")) == {"b": "SOLD_OUT"}
        assert await shelf.counters(product) == ("open", 1, 0, 1, 0)

    async def test_what_is_not_on_sale_is_not_sold(self, shelf: Shelf, product: int):
        assert refused(await shelf.buy(product, "a")) == {"a": "NOT_ON_SALE"}
        assert await shelf.counters(product) == (None, 0, 0, 0, 0)

    async def test_a_repeated_call_gets_the_same_answer_although_nothing_is_left(self, shelf: Shelf, product: int):
        await shelf.opened(product, 1)
        gid = random_gid()
        answers = [await shelf.buy(product, "a", gid=gid) for _ in range(3)]
        assert answers == [Taken(frozenset({"a"}), {})] * 3
        assert await shelf.counters(product) == ("open", 1, 0, 1, 0)

    async def test_a_repeated_refusal_stays_one_although_there_are_units_again(self, shelf: Shelf, product: int):
        await shelf.opened(product, 0)
        gid = random_gid()
        assert refused(await shelf.buy(product, "a", gid=gid)) == {"a": "SOLD_OUT"}
        await shelf.opened(product, 5, version=2)
        assert refused(await shelf.buy(product, "a", gid=gid)) == {"a": "SOLD_OUT"}

    async def test_the_stored_answer_comes_before_anything_else(self, shelf: Shelf, product: int):
        """Even while the sale is closed: a retry must not be told anything but what the first call was told."""
        await shelf.opened(product, 5)
        gid = random_gid()
        first = await shelf.buy(product, "a", gid=gid)
        await shelf.sales.close(product, "t1")
        assert await shelf.buy(product, "a", gid=gid) == first

    async def test_while_a_sale_is_being_set_nothing_is_taken_and_nothing_stored(self, shelf: Shelf, product: int):
        await shelf.opened(product, 5)
        gid = random_gid()
        await shelf.sales.close(product, "t1")
        with pytest.raises(Unavailable, match="being set"):
            await shelf.buy(product, "a", gid=gid)
        await shelf.sales.open(product, "t1", 2, 5, 0)
        assert "a" in (await shelf.buy(product, "a", gid=gid)).accepted

    async def test_each_of_a_batch_is_decided_for_itself(self, shelf: Shelf, product: int):
        await shelf.opened(product, 3)
        items = [Take("a", 1, 2), Take("b", 2, 2), Take("c", 3, 1)]
        taken = await shelf.sales.take(Barrier.of_message(random_gid()), product, items, each=True)
        short_of_one = refusals.too_few(product, 2, 1, on_sale=True)
        assert taken == Taken(frozenset({"a", "c"}), {"b": short_of_one})
        assert await shelf.counters(product) == ("open", 3, 0, 3, 0)

    async def test_all_of_a_branch_or_none(self, shelf: Shelf, product: int):
        await shelf.opened(product, 3)
        items = [Take("a", 1, 2), Take("b", 2, 2), Take("c", 3, 1)]
        taken = await shelf.sales.take(branch("action", random_gid()), product, items, each=False)
        assert taken == Taken(frozenset(), {"b": refusals.too_few(product, 2, 1, on_sale=True)})
        assert await shelf.counters(product) == ("open", 3, 3, 0, 0)
        taken = await shelf.sales.take(branch("action", random_gid()), product, items[::2], each=False)
        assert taken.accepted == {"a", "c"}

    async def test_very_large_numbers_stay_exact(self, shelf: Shelf, product: int):
        await shelf.opened(product, 2**32 - 1)
        user = 2**64 - 1
        await shelf.buy(product, "a", user=user, units=2**32 - 2)
        assert await shelf.counters(product) == ("open", 2**32 - 1, 1, 2**32 - 2, 0)
        assert await shelf.unsettled(product) == {"a": Take("a", user, 2**32 - 2)}

    async def test_products_do_not_touch_each_other(self, shelf: Shelf, product: int):
        await shelf.opened(product, 5)
        await shelf.opened(product + 1, 5)
        await shelf.buy(product, "a")
        assert (await shelf.counters(product + 1))[2] == 5

    async def test_of_many_at_once_as_many_get_a_unit_as_there_are(self, shelf: Shelf, product: int):
        await shelf.opened(product, 10)
        answers = await asyncio.gather(*(shelf.buy(product, f"r{n}") for n in range(25)))
        assert sum(len(taken.accepted) for taken in answers) == 10
        assert await shelf.counters(product) == ("open", 10, 0, 10, 0)


class TestLimits:
    async def test_a_buyer_gets_no_more_than_the_limit(self, shelf: Shelf, product: int):
        await shelf.opened(product, 10, limit=2)
        answers = [refused(await shelf.buy(product, f"r{n}", user=7)) for n in range(3)]
        assert answers == [{}, {}, {"r2": "LIMIT_REACHED"}]
        assert refused(await shelf.buy(product, "other", user=8)) == {}

    async def test_units_of_one_call_count_together(self, shelf: Shelf, product: int):
        await shelf.opened(product, 10, limit=2)
        items = [Take("a", 7, 1), Take("b", 7, 1), Take("c", 7, 1), Take("d", 8, 3), Take("e", 8, 2)]
        taken = await shelf.sales.take(Barrier.of_message(random_gid()), product, items, each=True)
        assert refused(taken) == {"c": "LIMIT_REACHED", "d": "LIMIT_REACHED"}

    async def test_nobody_in_particular_has_no_limit(self, shelf: Shelf, product: int):
        await shelf.opened(product, 10, limit=1)
        assert [refused(await shelf.buy(product, f"r{n}", user=0)) for n in range(3)] == [{}, {}, {}]

    async def test_units_that_came_back_can_be_bought_again(self, shelf: Shelf, product: int):
        await shelf.opened(product, 10, limit=1)
        await shelf.buy(product, "a", user=7)
        await shelf.sales.settle(product, [("a", True)])
        assert refused(await shelf.buy(product, "b", user=7)) == {}

    async def test_sold_units_still_count(self, shelf: Shelf, product: int):
        await shelf.opened(product, 10, limit=1)
        await shelf.buy(product, "a", user=7)
        await shelf.sales.settle(product, [("a", False)])
        assert refused(await shelf.buy(product, "b", user=7)) == {"b": "LIMIT_REACHED"}

    async def test_a_refused_item_does_not_count(self, shelf: Shelf, product: int):
        await shelf.opened(product, 3, limit=3)
        items = [Take("a", 7, 4), Take("b", 7, 3)]
        taken = await shelf.sales.take(Barrier.of_message(random_gid()), product, items, each=True)
        assert taken.accepted == {"b"}
        assert await shelf.bought(product) == {7: 3}

    async def test_a_new_sale_counts_anew(self, shelf: Shelf, product: int):
        await shelf.opened(product, 10, limit=1)
        await shelf.buy(product, "a", user=7)
        await shelf.opened(product, 10, limit=1, version=2)
        assert refused(await shelf.buy(product, "b", user=7)) == {}

    async def test_a_unit_of_an_earlier_sale_that_comes_back_lifts_no_limit(self, shelf: Shelf, product: int):
        await shelf.opened(product, 10, limit=1)
        await shelf.buy(product, "earlier", user=7)
        await shelf.opened(product, 10, limit=1, version=2)
        await shelf.buy(product, "now", user=7)
        await shelf.sales.settle(product, [("earlier", True)])
        assert refused(await shelf.buy(product, "more", user=7)) == {"more": "LIMIT_REACHED"}


class TestGivingBack:
    async def test_an_undo_gives_back_what_its_action_took(self, shelf: Shelf, product: int):
        await shelf.opened(product, 10)
        gid = random_gid()
        await shelf.sales.take(branch("action", gid), product, [Take("a", 7, 2), Take("b", 8, 1)], each=False)
        await shelf.sales.give_back(branch("compensate", gid), product)
        assert await shelf.counters(product) == ("open", 10, 10, 3, 3)
        assert await shelf.unsettled(product) == {}
        assert await shelf.bought(product) == {7: 0, 8: 0}

    async def test_twice_undone_is_undone_once(self, shelf: Shelf, product: int):
        await shelf.opened(product, 10)
        gid = random_gid()
        await shelf.sales.take(branch("action", gid), product, [Take("a", 7, 2)], each=False)
        for _ in range(3):
            await shelf.sales.give_back(branch("compensate", gid), product)
        assert await shelf.counters(product) == ("open", 10, 10, 2, 2)

    async def test_an_undo_before_its_action_keeps_the_action_out(self, shelf: Shelf, product: int):
        await shelf.opened(product, 10)
        gid = random_gid()
        await shelf.sales.give_back(branch("compensate", gid), product)
        with pytest.raises(BranchRefused, match="undone"):
            await shelf.sales.take(branch("action", gid), product, [Take("a", 7, 2)], each=False)
        assert await shelf.counters(product) == ("open", 10, 10, 0, 0)

    async def test_the_undo_of_a_refusal_gives_nothing_back(self, shelf: Shelf, product: int):
        await shelf.opened(product, 1)
        gid = random_gid()
        await shelf.sales.take(branch("action", gid), product, [Take("a", 7, 2)], each=False)
        await shelf.sales.give_back(branch("compensate", gid), product)
        assert await shelf.counters(product) == ("open", 1, 1, 0, 0)

    async def test_branches_of_one_transaction_are_told_apart(self, shelf: Shelf, product: int):
        await shelf.opened(product, 10)
        gid = random_gid()
        await shelf.sales.take(branch("action", gid, "02"), product, [Take("a", 0, 1)], each=False)
        await shelf.sales.give_back(branch("compensate", gid, "03"), product)
        assert await shelf.counters(product) == ("open", 10, 9, 1, 0)

    async def test_an_undo_works_while_the_sale_is_closed(self, shelf: Shelf, product: int):
        await shelf.opened(product, 10)
        gid = random_gid()
        await shelf.sales.take(branch("action", gid), product, [Take("a", 0, 2)], each=False)
        await shelf.sales.close(product, "t1")
        await shelf.sales.give_back(branch("compensate", gid), product)
        await shelf.sales.open(product, "t1", 2, 5, 0)
        assert await shelf.counters(product) == ("open", 7, 7, 0, 0)

    async def test_what_was_taken_in_an_earlier_sale_goes_back_into_this_one(self, shelf: Shelf, product: int):
        await shelf.opened(product, 10)
        gid = random_gid()
        await shelf.sales.take(branch("action", gid), product, [Take("a", 7, 2)], each=False)
        await shelf.opened(product, 5, version=2)
        await shelf.sales.give_back(branch("compensate", gid), product)
        assert await shelf.counters(product) == ("open", 5, 7, 0, 2)


class TestSettling:
    async def test_a_sold_unit_is_forgotten(self, shelf: Shelf, product: int):
        await shelf.opened(product, 10)
        await shelf.buy(product, "a")
        assert await shelf.sales.settle(product, [("a", False)])
        assert await shelf.counters(product) == ("open", 10, 9, 1, 0)
        assert await shelf.unsettled(product) == {}

    async def test_a_unit_goes_back_for_sale_once(self, shelf: Shelf, product: int):
        await shelf.opened(product, 10)
        await shelf.buy(product, "a", units=2)
        for _ in range(3):
            assert await shelf.sales.settle(product, [("a", True), ("a", True)])
        assert await shelf.counters(product) == ("open", 10, 10, 2, 2)

    async def test_what_was_sold_can_not_go_back(self, shelf: Shelf, product: int):
        await shelf.opened(product, 10)
        await shelf.buy(product, "a")
        await shelf.sales.settle(product, [("a", False)])
        await shelf.sales.settle(product, [("a", True)])
        assert await shelf.counters(product) == ("open", 10, 9, 1, 0)

    async def test_references_that_nobody_took_do_no_harm(self, shelf: Shelf, product: int):
        await shelf.opened(product, 10)
        assert await shelf.sales.settle(product, [("never", True), ("never", False)])
        assert await shelf.counters(product) == ("open", 10, 10, 0, 0)

    async def test_a_product_without_a_sale_is_told(self, shelf: Shelf, product: int):
        assert not await shelf.sales.settle(product, [("a", True)])
        assert await shelf.counters(product) == (None, 0, 0, 0, 0)


class TestSetting:
    async def test_closing_lists_what_is_not_settled(self, shelf: Shelf, product: int):
        await shelf.opened(product, 10, version=4)
        await shelf.buy(product, "a", user=7, units=2)
        await shelf.buy(product, "b")
        await shelf.sales.settle(product, [("b", False)])
        assert await shelf.sales.close(product, "t1") == (4, [Take("a", 7, 2)])
        assert (await shelf.counters(product))[0] == "closed"

    async def test_closing_what_was_never_on_sale_stops_it_from_being_sold(self, shelf: Shelf, product: int):
        assert await shelf.sales.close(product, "t1") == (0, [])
        with pytest.raises(Unavailable):
            await shelf.buy(product, "a")
        await shelf.sales.open(product, "t1", 1, 5, 0)
        assert await shelf.counters(product) == ("open", 5, 5, 0, 0)

    async def test_opening_again_as_it_was_changes_nothing(self, shelf: Shelf, product: int):
        await shelf.opened(product, 10, limit=2, version=3)
        await shelf.buy(product, "a", user=7, units=2)
        before = await shelf.counters(product)
        await shelf.sales.close(product, "t1")
        assert await shelf.sales.open(product, "t1", 0, 99, 0) == 3
        assert await shelf.counters(product) == before
        assert refused(await shelf.buy(product, "b", user=7)) == {"b": "LIMIT_REACHED"}

    async def test_units_that_came_back_meanwhile_are_there_when_it_opens_as_it_was(self, shelf: Shelf, product: int):
        await shelf.opened(product, 10)
        await shelf.buy(product, "a", units=3)
        await shelf.sales.close(product, "t1")
        await shelf.sales.settle(product, [("a", True)])
        await shelf.sales.open(product, "t1", 0, 0, 0)
        assert await shelf.counters(product) == ("open", 10, 10, 3, 3)

    async def test_what_was_never_on_sale_is_not_after_it_was_given_up(self, shelf: Shelf, product: int):
        await shelf.sales.close(product, "t1")
        assert await shelf.sales.open(product, "t1", 0, 0, 0) == 0
        assert refused(await shelf.buy(product, "a")) == {"a": "NOT_ON_SALE"}

    async def test_a_repeated_opening_changes_nothing(self, shelf: Shelf, product: int):
        await shelf.sales.close(product, "t1")
        assert await shelf.sales.open(product, "t1", 1, 10, 0) == 1
        await shelf.buy(product, "a")
        assert await shelf.sales.open(product, "t1", 1, 10, 0) == 1
        assert await shelf.counters(product) == ("open", 10, 9, 1, 0)

    async def test_who_was_overtaken_opens_nothing(self, shelf: Shelf, product: int):
        await shelf.sales.close(product, "slow")
        await shelf.sales.close(product, "fast")
        with pytest.raises(Refused, match="somebody else"):
            await shelf.sales.open(product, "slow", 1, 10, 0)
        assert (await shelf.counters(product))[0] == "closed"
        await shelf.sales.open(product, "fast", 2, 20, 0)
        with pytest.raises(Refused, match="somebody else"):
            await shelf.sales.open(product, "slow", 1, 10, 0)
        assert await shelf.counters(product) == ("open", 20, 20, 0, 0)

    async def test_units_that_came_back_before_the_last_closing_are_not_counted_twice(self, shelf: Shelf, product: int):
        await shelf.opened(product, 10)
        await shelf.buy(product, "a")
        await shelf.sales.close(product, "t1")
        await shelf.sales.settle(product, [("a", True)])
        assert await shelf.sales.close(product, "t1") == (1, [])
        await shelf.sales.open(product, "t1", 2, 10, 0)
        assert (await shelf.counters(product))[2] == 10


class TestTheCheapLook:
    async def test_it_tells_what_would_surely_be_refused(self, shelf: Shelf, product: int):
        assert await shelf.sales.at_sight([product]) == {product: refusals.NOT_ON_SALE(product=product)}
        await shelf.opened(product, 1)
        assert await shelf.sales.at_sight([product]) == {}
        await shelf.buy(product, "a")
        assert await shelf.sales.at_sight([product]) == {product: refusals.SOLD_OUT(product=product)}

    async def test_a_sale_that_is_being_set_is_closed(self, shelf: Shelf, product: int):
        await shelf.opened(product, 0)
        await shelf.sales.close(product, "t1")
        assert await shelf.sales.at_sight([product, product + 1]) == {
            product: SALE_CLOSED,
            product + 1: refusals.NOT_ON_SALE(product=product + 1),
        }


class TestSeveralProducts:
    async def test_the_trouble_of_one_is_not_that_of_another(self, shelf: Shelf, product: int):
        if isinstance(shelf, MemoryShelf):
            pytest.skip("the model has no keys of a wrong type")
        await shelf.opened(product, 5)
        await shelf.redis.set(Keys(product + 1).sale, "not a hash")
        takes = {product: [Take("a", 7, 1)], product + 1: [Take("b", 7, 1)]}
        taken = await shelf.sales.take_each(Barrier.of_message(random_gid()), takes)
        await shelf.redis.delete(Keys(product + 1).sale)
        assert (taken.accepted, taken.refused) == (frozenset({"a"}), {"b": UNDONE})
