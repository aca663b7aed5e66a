"""Envelope codes: the shop's own beside the general ones."""

from eshop_chassis.codes import all_codes, code_of
from eshop_chassis.dtm.branch import BranchRefusal, Fault


def test_the_shop_s_codes_are_listed_beside_the_general_ones():
    codes = {entry["code"]: entry["msg"] for entry in all_codes()}
    assert set(codes) >= {0, 10001, 10003, 10004, 10005, 10013, 10409, 30023, 30024, 30025, 30026}
    assert len(codes) == len(all_codes())
    assert "销售完毕" in codes[30023]


def test_a_refusal_gets_the_code_of_its_first_fault():
    refusal = BranchRefusal([Fault("1", "OUT_OF_STOCK", "only 3 left"), Fault("2", "UNKNOWN_PRODUCT", "?")])
    assert (refusal.message, refusal.code, refusal.short) == ("only 3 left", 30023, "OUT_OF_STOCK")
    assert [code_of(short) for short in ("SOLD_OUT", "NOT_ON_SALE", "LIMIT_REACHED", "UNKNOWN_PRODUCT")] == [
        30023,
        30024,
        30025,
        30026,
    ]
    assert code_of("COUPON_USED") == 10409
