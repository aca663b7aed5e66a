"""The SQL of the coupon service. Every method is given a transaction and never commits."""

from collections.abc import Sequence

import sqlalchemy as sa

from eshop_chassis.crud import CrudStore, table_of
from eshop_chassis.dtm import Fault
from eshop_chassis.mysql import Tx, execute, fetch, marks
from eshop_contract import Refusal, refusals
from eshop_coupon.coupons import UNUSED, USED, Use
from eshop_protos.coupon.v1 import coupon_pb2

COUPON = table_of("coupon", coupon_pb2.Coupon, sa.Column("order_id", sa.String), sa.Column("gid", sa.String))


class CouponStore(CrudStore[coupon_pb2.Coupon]):
    """`Coupons` in MySQL."""

    def __init__(self) -> None:
        super().__init__(COUPON, coupon_pb2.Coupon, "coupon")

    async def use(self, tx: Tx, gid: str, uses: Sequence[Use], branch_id: str = "") -> list[Fault]:
        ordered = sorted(uses, key=lambda use: use.coupon_id)
        faults = await self._faults(tx, ordered, lock=True)
        if not faults:
            await execute(
                tx,
                f"UPDATE coupon SET status = {USED}, order_id = %s, gid = %s, branch_id = %s, updated_at = NOW()"
                " WHERE id = %s",
                [(use.order_id, gid, branch_id, use.coupon_id) for use in ordered],
            )
        return faults

    async def check(self, tx: Tx, uses: Sequence[Use]) -> list[Fault]:
        return await self._faults(tx, sorted(uses, key=lambda use: use.coupon_id), lock=False)

    async def give_back(self, tx: Tx, gid: str, branch_id: str = "") -> None:
        await execute(
            tx,
            f"UPDATE coupon SET status = {UNUSED}, order_id = '', gid = '', branch_id = '', updated_at = NOW()"
            f" WHERE gid = %s AND branch_id IN ('', %s) AND status = {USED}",
            (gid, branch_id),
        )

    async def _faults(self, tx: Tx, uses: Sequence[Use], *, lock: bool) -> list[Fault]:
        ids = tuple({use.coupon_id for use in uses})
        rows = await fetch(
            tx,
            "SELECT id, user_id, status FROM coupon WHERE deleted_at IS NULL"
            f" AND id IN ({marks(ids)}) ORDER BY id{' FOR UPDATE' if lock else ''}",
            ids,
        )
        coupons = {row[0]: (row[1], row[2]) for row in rows}
        faults: list[Fault] = []
        for use in uses:
            fault = _fault(use, coupons.get(use.coupon_id))
            if fault is None:
                coupons[use.coupon_id] = (coupons[use.coupon_id][0], USED)
            else:
                faults.append(Fault(use.order_id, *fault))
        return faults


def _fault(use: Use, coupon: tuple[int, int] | None) -> Refusal | None:
    if coupon is None:
        return refusals.UNKNOWN_COUPON(coupon=use.coupon_id)
    owner, status = coupon
    if use.user_id and owner != use.user_id:
        return refusals.COUPON_OF_ANOTHER_USER(coupon=use.coupon_id)
    if status == USED:
        return refusals.COUPON_ALREADY_USED(coupon=use.coupon_id)
    return None if status == UNUSED else refusals.COUPON_EXPIRED(coupon=use.coupon_id)
