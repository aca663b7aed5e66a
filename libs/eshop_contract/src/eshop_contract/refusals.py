"""The one table of refusals: short code, envelope code, and the sentence in English and in Chinese.

A refusal is stored and sent between services as its short code and its English sentence. The envelope code follows
from the short code, and the Chinese sentence from the English one, where an answer leaves the shop; see docs/adr/0081.
So when a sentence is reworded, the old wording must stay in the table: rows of earlier releases have it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from eshop_chassis import KEY_STILL_RUNNING as STILL_RUNNING_CODE
from protoc_gen_fastapi.runtime import Refused

CONFLICT: Final = Refused.default_code


class Refusal(NamedTuple):
    """Why something is refused, as it is stored: the short code, and the sentence in English."""

    short: str
    reason: str

    def error(self, data: Mapping[str, Any] | None = None) -> Refused:
        """The error that a caller is answered with."""
        return Refused(self.reason, code=code_of(self.short), short=self.short, data=data)


@dataclass(frozen=True)
class RefusalKind:
    """A row of the table. Names in braces stand for the facts of one refusal."""

    short: str
    code: int
    english: str
    chinese: str

    def __call__(self, **facts: object) -> Refusal:
        return Refusal(self.short, self.english.format(**facts))


SOLD_OUT_CODE: Final = 30023
_NOTHING_LEFT = "product {product} is sold out", "销售完毕"
_TOO_FEW = (
    "{count} units of product {product} were ordered, but only {left} can be had",
    "商品 {product} 要买 {count} 件，但只剩 {left} 件",
)

# Two short codes for one refusal: they tell a program which store has too few units, Redis or MySQL.
SOLD_OUT = RefusalKind("SOLD_OUT", SOLD_OUT_CODE, *_NOTHING_LEFT)
OUT_OF_STOCK = RefusalKind("OUT_OF_STOCK", SOLD_OUT_CODE, *_NOTHING_LEFT)
TOO_FEW_ON_SALE = RefusalKind("SOLD_OUT", SOLD_OUT_CODE, *_TOO_FEW)
TOO_FEW_IN_STOCK = RefusalKind("OUT_OF_STOCK", SOLD_OUT_CODE, *_TOO_FEW)
NOT_ON_SALE = RefusalKind("NOT_ON_SALE", 30024, "product {product} is not on flash sale", "商品 {product} 没有参加秒杀")
LIMIT_REACHED = RefusalKind(
    "LIMIT_REACHED",
    30025,
    "product {product}: at most {limit} per buyer in this flash sale; you have bought {bought} and asked for {count}",
    "商品 {product}：本次秒杀每人限购 {limit} 件，您已购买 {bought} 件，又要买 {count} 件",
)
UNKNOWN_PRODUCT = RefusalKind("UNKNOWN_PRODUCT", 30026, "product {product} is not for sale", "商品 {product} 不在售")
STILL_RUNNING = RefusalKind(
    "KEY_STILL_RUNNING",
    STILL_RUNNING_CODE,
    "a request with this idempotency key is still running; ask again in a moment",
    "使用该幂等键的请求仍在处理中，请稍后再试",
)
UNKNOWN_COUPON = RefusalKind("UNKNOWN_COUPON", 30028, "coupon {coupon} does not exist", "优惠券 {coupon} 不存在")
COUPON_OF_ANOTHER_USER = RefusalKind(
    "COUPON_OF_ANOTHER_USER", 30029, "coupon {coupon} belongs to another user", "优惠券 {coupon} 属于其他用户"
)
COUPON_ALREADY_USED = RefusalKind(
    "COUPON_ALREADY_USED", 30030, "coupon {coupon} was used already", "优惠券 {coupon} 已被使用"
)
COUPON_EXPIRED = RefusalKind("COUPON_EXPIRED", 30031, "coupon {coupon} has expired", "优惠券 {coupon} 已过期")

PAYMENT_EXISTS = RefusalKind(
    "PAYMENT_EXISTS", CONFLICT, "order {order} has a payment already", "订单 {order} 已有支付单"
)
ORDER_ID_TAKEN = RefusalKind(
    "ORDER_ID_TAKEN",
    CONFLICT,
    "another order has this id, but for case or trailing blanks",
    "已有订单使用该编号（仅大小写或末尾空格不同）",
)
ALREADY_FINAL = RefusalKind("ALREADY_FINAL", CONFLICT, "this order has its outcome already", "该订单已有最终结果")
CLAIMED_ELSEWHERE = RefusalKind(
    "CLAIMED_ELSEWHERE", CONFLICT, "this order is being placed by another transaction", "该订单正由另一事务处理"
)
REFUSED = RefusalKind("REFUSED", CONFLICT, "the order was refused", "订单被拒绝")
REVERTED = RefusalKind("REVERTED", CONFLICT, "its transaction was undone", "其事务已被撤销")
DEAD_LETTER = RefusalKind("DEAD_LETTER", CONFLICT, "the order can't be placed: {reason}", "订单无法处理：{reason}")
NOT_TAKEN = RefusalKind("NOT_TAKEN", CONFLICT, "nothing was taken for this message", "该消息没有占用任何库存")
WRONG_OP = RefusalKind("WRONG_OP", CONFLICT, "op: {op} does not fit this rpc", "op：{op} 不适用于此接口")

# The wording of the previous release, which its rows and records still have.
LIMIT_REACHED_BEFORE = RefusalKind(
    "LIMIT_REACHED",
    30025,
    "you have bought as many units of this flash sale as one buyer may",
    "已达到本次秒杀的每人限购数量",
)
TOO_FEW_BEFORE = RefusalKind(
    "SOLD_OUT",
    SOLD_OUT_CODE,
    "{count} units of product {product} were ordered, but only fewer can be had",
    "商品 {product} 要买 {count} 件，但库存不足",
)

KINDS: Final = tuple(kind for kind in globals().values() if isinstance(kind, RefusalKind))
MEANINGS: Final[Mapping[int, tuple[str, str]]] = {
    SOLD_OUT_CODE: ("Sold Out", "销售完毕"),
    NOT_ON_SALE.code: ("Not On Flash Sale", "没有参加秒杀"),
    LIMIT_REACHED.code: ("Limit Per Buyer Reached", "超过每人限购数量"),
    UNKNOWN_PRODUCT.code: ("Unknown Product", "商品不在售"),
    STILL_RUNNING.code: ("Idempotency Key Still Running", "幂等键仍在处理中"),
    UNKNOWN_COUPON.code: ("Unknown Coupon", "优惠券不存在"),
    COUPON_OF_ANOTHER_USER.code: ("Coupon Of Another User", "优惠券属于其他用户"),
    COUPON_ALREADY_USED.code: ("Coupon Already Used", "优惠券已被使用"),
    COUPON_EXPIRED.code: ("Coupon Expired", "优惠券已过期"),
}
"""What the envelope codes of this shop mean, in English and in Chinese."""
_CODES: Final = {kind.short: kind.code for kind in KINDS}


def code_of(short: str) -> int | None:
    """The envelope code that a short code stands for; None for one that is not in the table."""
    return _CODES.get(short)


def too_few(product: int, count: int, left: int, *, on_sale: bool) -> Refusal:
    """The refusal of an order for `count` units of which `left` can be had, in the sale or in the stock."""
    if left <= 0:
        return (SOLD_OUT if on_sale else OUT_OF_STOCK)(product=product)
    return (TOO_FEW_ON_SALE if on_sale else TOO_FEW_IN_STOCK)(product=product, count=count, left=left)
