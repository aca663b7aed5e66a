"""Coupons: many per user, each used at most once, by its owner, while it is unused."""

import asyncio

import fresh
import pytest
from databases import Databases
from transports import Branch, CallError, Transport, failing

UNUSED, USED, EXPIRED = 1, 2, 3


async def _coupon(on: Transport, user: int) -> int:
    return (await on("coupon", "Create", userID=user, amount=50))["id"]


async def test_a_user_may_have_many_coupons(on: Transport, user: int) -> None:
    made = [await _coupon(on, user) for _ in range(3)]

    reply = await on("coupon", "List", params={"limit": 9, "columns": [{"name": "userID", "value": str(user)}]})

    assert [coupon["id"] for coupon in reply["coupons"]] == made[::-1]


async def test_a_coupon_of_no_told_status_is_unused(on: Transport, user: int) -> None:
    coupon = await _coupon(on, user)

    assert (await on("coupon", "GetByID", id=coupon))["coupon"]["status"] == UNUSED


async def test_a_coupon_is_used_by_one_of_many_transactions(on: Transport, db: Databases, user: int) -> None:
    coupon = await _coupon(on, user)

    async def use() -> str:
        try:
            await on("coupon", "CouponUse", Branch(fresh.gid()), couponID=coupon, userID=user)
        except CallError as error:
            return error.kind
        return "OK"

    answers = await asyncio.gather(*(use() for _ in range(6)))

    assert sorted(answers) == ["ABORTED"] * 5 + ["OK"]
    assert db.coupon(coupon)["status"] == USED


async def test_nobody_uses_the_coupon_of_another(on: Transport, db: Databases, user: int) -> None:
    coupon = await _coupon(on, user)

    with failing("ABORTED"):
        await on("coupon", "CouponUse", Branch(fresh.gid()), couponID=coupon, userID=user + 1)

    assert db.coupon(coupon)["status"] == UNUSED


async def test_an_old_client_that_names_no_user_may_use_a_coupon(on: Transport, db: Databases, user: int) -> None:
    coupon = await _coupon(on, user)

    await on("coupon", "CouponUse", Branch(fresh.gid()), couponID=coupon)

    assert db.coupon(coupon)["status"] == USED


async def test_an_expired_coupon_is_refused(on: Transport, user: int) -> None:
    coupon = await _coupon(on, user)
    await on("coupon", "UpdateByID", id=coupon, status=EXPIRED)

    with failing("ABORTED"):
        await on("coupon", "CouponUse", Branch(fresh.gid()), couponID=coupon, userID=user)


async def test_of_several_coupons_all_are_used_or_none(on: Transport, db: Databases, user: int) -> None:
    mine, foreign = await _coupon(on, user), await _coupon(on, user + 1)
    uses = [{"couponID": c, "userID": user, "orderID": fresh.order_id()} for c in (mine, foreign)]
    branch = Branch(fresh.gid())

    with failing("ABORTED"):
        await on("coupon", "UseMany", branch, coupons=uses)

    assert [db.coupon(c)["status"] for c in (mine, foreign)] == [UNUSED, UNUSED]
    refusals = (await on("coupon", "GetRefusals", gid=branch.gid))["refusals"]
    assert [refusal["orderID"] for refusal in refusals] == [uses[1]["orderID"]]


async def test_an_undo_gives_back_only_what_its_own_transaction_used(on: Transport, db: Databases, user: int) -> None:
    coupon = await _coupon(on, user)
    await on("coupon", "CouponUse", Branch(fresh.gid()), couponID=coupon, userID=user)

    await on("coupon", "CouponUseRevert", Branch(fresh.gid()).undo(), couponID=coupon, userID=user)

    assert db.coupon(coupon)["status"] == USED


async def test_a_coupon_is_used_by_orders_only(on: Transport, db: Databases, user: int) -> None:
    coupon = await _coupon(on, user)

    with failing("ABORTED"):
        await on("coupon", "UpdateByID", id=coupon, status=USED)

    assert db.coupon(coupon)["status"] == UNUSED


@pytest.mark.parametrize("change", [{"status": UNUSED}, {"status": EXPIRED}, {"amount": 1}, {"userID": 1}])
async def test_a_used_coupon_stays_as_it_is(on: Transport, db: Databases, user: int, change: dict[str, int]) -> None:
    coupon = await _coupon(on, user)
    await on("coupon", "CouponUse", Branch(fresh.gid()), couponID=coupon, userID=user)
    before = db.coupon(coupon)

    with failing("ABORTED"):
        await on("coupon", "UpdateByID", id=coupon, **change)
    with failing("ABORTED"):
        await on("coupon", "DeleteByID", id=coupon)

    assert db.coupon(coupon) == before


@pytest.mark.parametrize(
    ("field", "value"),
    [("userID", 0), ("amount", 0), ("status", 2), ("status", 4)],
    ids=["no user", "worth nothing", "used", "bad status"],
)
async def test_a_coupon_that_breaks_a_rule_is_refused_by_name(on: Transport, field: str, value: int) -> None:
    with failing("INVALID_ARGUMENT", field):
        await on("coupon", "Create", **{"userID": 1, "amount": 5, field: value})
