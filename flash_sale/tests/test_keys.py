"""Buying with an idempotency key: one unit and one answer for each key, on the real Redis and its model."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from aiodtm import Barrier, random_gid
from eshop_chassis import KEPT_SECONDS
from eshop_flash_sale.buying import buy
from eshop_flash_sale.idempotency.records import REFUSAL_KEPT_SECONDS, Claim, KeyRecords
from eshop_flash_sale.idempotency.requests import KeyedBuying
from eshop_flash_sale.sale.sales import Take
from eshop_protos.flash_sale.v1 import flash_sale_pb2 as pb
from protoc_gen_fastapi.runtime import Call, InvalidArgument, Refused, TooMany, Unavailable, Unprocessable

from .shelf import MOST_KEYS, RedisShelf, Shelf
from .stall import IDS, Stall


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buy, "CLOSED_WAIT_SECONDS", 0.02)
    monkeypatch.setattr(buy, "LOOK_AGAIN_SECONDS", 0.001)


@pytest.fixture
async def stall(shelf: Shelf) -> AsyncIterator[Stall]:
    made = Stall(shelf)
    yield made
    await made.dtm.aclose()


@pytest.fixture
def user(product: int) -> int:
    """A user of this test alone."""
    return product


def claim_of(stall: Stall, product: int, user: int, key: str = "k1") -> Claim:
    """The claim that the request of `Stall.buy` makes."""
    request = pb.FlashSaleRequest(userID=user, productID=product, amount=100)
    return KeyedBuying(stall.shelf.keys, IDS, stall.buying)._claim(key, request)


async def left(stall: Stall, product: int) -> int:
    return (await stall.shelf.counters(product))[2]


async def test_the_same_request_again_gets_the_same_order_and_takes_one_unit(stall: Stall, product: int, user: int):
    await stall.shelf.opened(product, 5)
    first = await stall.buy(product, user, key="k1")
    assert await stall.buy(product, user, key="k1") == first
    assert (first.status, stall.queued(), await left(stall, product)) == ("accepted", [first.orderID], 4)


async def test_the_last_unit_is_still_the_buyers_when_nothing_is_left(stall: Stall, product: int, user: int):
    await stall.shelf.opened(product, 1)
    first = await stall.buy(product, user, key="k1")
    with pytest.raises(Refused):
        await stall.buy(product, user)
    assert await stall.buy(product, user, key="k1") == first


async def test_a_refusal_stays_a_refusal_for_a_short_time(stall: Stall, product: int, user: int):
    await stall.shelf.opened(product, 5, limit=1)
    await stall.buy(product, user)
    with pytest.raises(Refused) as first:
        await stall.buy(product, user, key="k1")
    assert 0 < (await stall.shelf.kept_seconds(claim_of(stall, product, user)) or 0) <= REFUSAL_KEPT_SECONDS
    await stall.shelf.opened(product, 5, version=2)
    with pytest.raises(Refused) as again:
        await stall.buy(product, user, key="k1")
    assert vars(again.value) == vars(first.value)
    assert (await stall.buy(product, user, key="k2")).status == "accepted"


async def test_who_is_beyond_the_limit_is_told_the_same_again_after_the_limit_has_changed(
    stall: Stall, product: int, user: int
):
    await stall.shelf.opened(product, 5, limit=1)
    await stall.buy(product, user)
    answers = list[Refused]()
    for limit in (1, 3):
        with pytest.raises(Refused) as caught:
            await stall.buy(product, user, key="k1")
        answers.append(caught.value)
        await stall.shelf.opened(product, 5, limit=limit, version=2)
    first, again = answers
    assert vars(again) == vars(first)
    assert (first.code, first.message) == (
        30025,
        f"product {product}: at most 1 per buyer in this flash sale; you have bought 1 and asked for 1",
    )


@pytest.mark.parametrize(
    ("short", "code", "text"),
    [
        ("SOLD_OUT", 30023, "product {} is sold out"),
        ("NOT_ON_SALE", 30024, "product {} is not on flash sale"),
        ("LIMIT_REACHED", 30025, "you have bought as many units of this flash sale as one buyer may"),
    ],
)
async def test_a_refusal_that_the_release_before_recorded_keeps_its_code(
    stall: Stall, product: int, user: int, short: str, code: int, text: str
):
    claim = claim_of(stall, product, user)
    await stall.shelf.keys.claim(claim)
    await stall.shelf.keys.answer(claim, claim.order_id, f"refused:{short}")
    with pytest.raises(Refused) as caught:
        await stall.buy(product, user, key="k1")
    assert (caught.value.code, caught.value.short, caught.value.message) == (code, short, text.format(product))


async def test_another_body_is_refused_and_other_users_have_keys_of_their_own(stall: Stall, product: int, user: int):
    await stall.shelf.opened(product, 5)
    mine = await stall.buy(product, user, key="k1")
    with pytest.raises(Unprocessable, match="Idempotency-Key"):
        await stall.buy(product, user, key="k1", amount=101)
    other, second = await stall.buy(product, user + 1, key="k1"), await stall.buy(product, user, key="k2")
    assert len({mine.orderID, other.orderID, second.orderID}) == 3


async def test_a_product_that_is_not_on_sale_leaves_no_record(stall: Stall, product: int, user: int):
    for _ in range(2):
        with pytest.raises(Refused) as caught:
            await stall.buy(product, user, key="k1")
        assert caught.value.short == "NOT_ON_SALE"
    assert await stall.shelf.kept_seconds(claim_of(stall, product, user)) is None


async def test_one_user_has_so_many_keys_and_no_more(stall: Stall, product: int, user: int):
    await stall.shelf.opened(product, 100)
    first = await stall.buy(product, user, key="k0")
    for number in range(1, MOST_KEYS):
        await stall.buy(product, user, key=f"k{number}")
    with pytest.raises(TooMany):
        await stall.buy(product, user, key="one more")
    assert await stall.buy(product, user, key="k0") == first
    assert (await stall.buy(product, user + 1, key="k0")).status == "accepted"
    assert await left(stall, product) == 100 - MOST_KEYS - 1


async def test_refusals_do_not_count_among_the_keys_of_a_user(stall: Stall, product: int, user: int):
    await stall.shelf.opened(product, 5, limit=1)
    await stall.buy(product, user)
    for number in range(MOST_KEYS + 2):
        with pytest.raises(Refused, match="at most 1"):
            await stall.buy(product, user, key=f"k{number}")


async def test_the_count_of_a_users_keys_goes_with_time_though_redis_lost_it_for_a_moment(
    stall: Stall, product: int, user: int
):
    if not isinstance(stall.shelf, RedisShelf):
        pytest.skip("the model's counts have no times")
    claim, count = claim_of(stall, product, user), f"flash:keys:{{{user}}}"
    await stall.shelf.keys.claim(claim)
    assert 0 < await stall.shelf.redis.ttl(count) <= KEPT_SECONDS
    await stall.shelf.redis.delete(count)
    await stall.shelf.keys.answer(claim, claim.order_id, "refused:SOLD_OUT", refused=True)
    assert 0 < await stall.shelf.redis.ttl(count) <= KEPT_SECONDS


@pytest.mark.parametrize("key", ["x" * 256, "ö", "a\tb"])
async def test_a_key_that_is_not_printable_ascii_is_refused_by_name(stall: Stall, product: int, key: str):
    request = pb.FlashSaleRequest(userID=7, productID=product, amount=100)
    with pytest.raises(InvalidArgument, match="Idempotency-Key"):
        await stall.service.flash_sale(request, Call.local({"idempotency-key": key}))


async def test_while_the_first_runs_a_repetition_is_told_so(stall: Stall, product: int, user: int):
    await stall.shelf.opened(product, 5)
    await stall.shelf.keys.claim(claim_of(stall, product, user))
    with pytest.raises(Refused) as caught:
        await stall.buy(product, user, key="k1")
    assert (caught.value.http_status, caught.value.short) == (409, "KEY_STILL_RUNNING")
    assert await left(stall, product) == 5


async def test_of_many_at_once_one_buys(stall: Stall, product: int, user: int):
    await stall.shelf.opened(product, 5)
    answers = await asyncio.gather(*(stall.buy(product, user, key="k1") for _ in range(20)), return_exceptions=True)
    accepted = {a.orderID for a in answers if isinstance(a, pb.FlashSaleReply)}
    assert {a.short for a in answers if isinstance(a, Refused)} <= {"KEY_STILL_RUNNING"}
    assert (len(accepted), await left(stall, product), stall.queued()) == (1, 4, list(accepted))


async def test_equal_requests_of_one_batch_share_one_unit(stall: Stall, product: int, user: int):
    await stall.shelf.opened(product, 5, limit=1)
    buyers = [pb.FlashSaleRequest(userID=user, productID=product, amount=100)] * 3
    request = pb.FlashSaleManyRequest(buyers=buyers, idempotencyKeys=["k1", "k1", "k2"])
    first, same, other = (await stall.client.flash_sale_many(request, Call.local())).results
    assert first.reply == same.reply
    assert (other.failure.short, await left(stall, product)) == ("LIMIT_REACHED", 4)


class TestAfterADeath:
    """The process dies between the claim and the answer; the repetition goes on where it was."""

    @pytest.mark.parametrize("stock", [1, 5])
    async def test_a_unit_that_was_taken_is_not_taken_again(self, stall: Stall, product: int, user: int, stock: int):
        await stall.shelf.opened(product, stock, limit=1)
        claim = claim_of(stall, product, user)
        await stall.shelf.keys.claim(claim)
        take = Take(claim.order_id, user, 1, keyed=True)
        await stall.shelf.sales.take(Barrier.of_message(random_gid(str(product))), product, [take], each=True)
        await stall.shelf.pass_lease(claim)
        for _ in range(2):
            reply = await stall.buy(product, user, key="k1")
            assert (reply.orderID, reply.status) == (claim.order_id, "accepted")
        assert (stall.queued(), await left(stall, product)) == ([claim.order_id], stock - 1)
        assert (await stall.shelf.bought(product))[user] == 1
        with pytest.raises(Refused) as caught:
            await stall.buy(product, user)
        assert caught.value.short == ("SOLD_OUT" if stock == 1 else "LIMIT_REACHED")

    async def test_a_unit_that_was_not_taken_is_taken_under_the_same_order(self, stall: Stall, product: int, user: int):
        await stall.shelf.opened(product, 5)
        claim = claim_of(stall, product, user)
        await stall.shelf.keys.claim(claim)
        await stall.shelf.pass_lease(claim)
        assert (await stall.buy(product, user, key="k1")).orderID == claim.order_id
        assert await left(stall, product) == 4

    async def test_sold_out_meanwhile_it_is_refused(self, stall: Stall, product: int, user: int):
        await stall.shelf.opened(product, 1)
        claim = claim_of(stall, product, user)
        await stall.shelf.keys.claim(claim)
        await stall.buy(product, user + 1)
        await stall.shelf.pass_lease(claim)
        with pytest.raises(Refused, match="is sold out"):
            await stall.buy(product, user, key="k1")
        await stall.settle()
        assert len(stall.queued()) == 1


async def test_after_an_error_the_repetition_goes_on_at_once(stall: Stall, product: int, user: int):
    await stall.shelf.opened(product, 5)
    await stall.shelf.sales.close(product, "t1")
    with pytest.raises(Unavailable):
        await stall.buy(product, user, key="k1")
    await stall.shelf.sales.open(product, "t1", 0, 0, 0)
    assert (await stall.buy(product, user, key="k1")).orderID == claim_of(stall, product, user).order_id


async def test_a_redis_that_forgot_the_record_makes_the_same_order(stall: Stall, product: int, user: int):
    await stall.shelf.opened(product, 5)
    first = await stall.buy(product, user, key="k1")
    record = claim_of(stall, product, user).record
    if isinstance(stall.shelf, RedisShelf):
        await stall.shelf.redis.delete(record)
    else:
        del stall.shelf.keys.records[record]
    again = await stall.buy(product, user, key="k1")
    assert again.orderID == first.orderID
    assert stall.queued() == [first.orderID]


@pytest.mark.parts
async def test_a_claim_whose_reply_was_lost_is_the_claimants_own(shelf: Shelf, product: int, monkeypatch):
    if not isinstance(shelf, RedisShelf):
        pytest.skip("the model has no replies to lose")
    records: Any = KeyRecords(shelf.redis, lease_seconds=9, most_per_user=9)
    claim_all, lost = records._claim_all, [True]

    async def lose_the_reply(batch: Any) -> Any:
        answers = await claim_all(batch)
        if lost and lost.pop():
            raise RedisConnectionError("lost")
        return answers

    monkeypatch.setattr(records, "_claim_all", lose_the_reply)
    claim = Claim(f"flash:key:{{test-{product}}}", "b", "f1", f"test-{product}")
    assert (await records.claim(claim)).state in ("claimed", "again")
    assert (await records.claim(Claim(claim.record, "b", "f2", claim.user))).state == "running"
    assert 0 < await shelf.redis.ttl(claim.record) <= 2 * 24 * 3600
    await shelf.redis.delete(claim.record, f"flash:keys:{{test-{product}}}")
