"""The coupon store in memory."""

from collections.abc import Sequence
from dataclasses import dataclass

from eshop_chassis.dtm import Fault
from eshop_chassis.mysql import Tx
from eshop_coupon.coupons import UNUSED, USED, Use
from shop_in_memory.database import data_of


@dataclass(frozen=True)
class Coupon:
    user_id: int
    status: int = UNUSED
    order_id: str = ""
    gid: str = ""
    branch_id: str = ""


class MemoryCoupons:
    """Keeps coupons as `Coupons` asks."""

    async def put(self, tx: Tx, coupon_id: int, user_id: int, status: int = UNUSED) -> None:
        """Gives a user a coupon."""
        coupons(data_of(tx))[coupon_id] = Coupon(user_id, status)

    async def use(self, tx: Tx, gid: str, uses: Sequence[Use], branch_id: str = "") -> list[Fault]:
        faults: list[Fault] = []
        for use in sorted(uses, key=lambda use: use.coupon_id):
            coupon = coupons(data_of(tx)).get(use.coupon_id)
            code = _code(coupon, use)
            if coupon is None or code:
                faults.append(Fault(use.order_id, code, code.lower()))
            else:
                used = Coupon(coupon.user_id, USED, use.order_id, gid, branch_id)
                coupons(data_of(tx))[use.coupon_id] = used
        return faults

    async def check(self, tx: Tx, uses: Sequence[Use]) -> list[Fault]:
        kept = dict(coupons(data_of(tx)))
        faults = await self.use(tx, "", uses)
        data_of(tx)["coupon"] = kept
        return faults

    async def give_back(self, tx: Tx, gid: str, branch_id: str = "") -> None:
        for coupon_id, coupon in coupons(data_of(tx)).items():
            if (coupon.gid, coupon.branch_id, coupon.status) == (gid, branch_id, USED):
                coupons(data_of(tx))[coupon_id] = Coupon(coupon.user_id)


def coupons(data: dict[str, dict[int, Coupon]]) -> dict[int, Coupon]:
    """The coupons in a database's data."""
    return data.setdefault("coupon", {})


def _code(coupon: Coupon | None, use: Use) -> str:
    if coupon is None:
        return "UNKNOWN_COUPON"
    if use.user_id and coupon.user_id != use.user_id:
        return "COUPON_OF_ANOTHER_USER"
    if coupon.status == USED:
        return "COUPON_ALREADY_USED"
    return "" if coupon.status == UNUSED else "COUPON_EXPIRED"
