"""Orders to and from the queue."""

import json
from typing import Any, cast

from pydantic import ValidationError

from eshop_contract import OrderIds, QueuedOrder, queued_order
from eshop_order.orders import NewOrder


class PoisonedMessageError(Exception):
    """The message is not an order that can be placed, and never will be."""


def write(order: NewOrder) -> bytes:
    """The message of an order."""
    return queued_order(
        user_id=order.user_id,
        product_id=order.product_id,
        product_count=order.product_count,
        amount=order.amount,
        coupon_id=order.coupon_id,
        order_id=order.order_id,
    )


def read(value: bytes | None, ids: OrderIds, position: str) -> NewOrder:
    """The order in a message.

    `position` (topic, partition, offset) names an order that came without an id, so that a message delivered twice is
    one order. Raises PoisonedMessageError.
    """
    try:
        queued = QueuedOrder.model_validate_json(value or b"")
    except ValidationError as error:
        first = error.errors()[0]
        raise PoisonedMessageError(f"{'.'.join(str(p) for p in first['loc']) or 'message'}: {first['msg']}") from None
    order_id = queued.orderID or ids.derived("b", position)
    if ids.kind(order_id) not in ("b", "f"):
        raise PoisonedMessageError("orderID: not an id that this shop made for its queue")
    return NewOrder(order_id, queued.userID, queued.productID, queued.productCount, queued.amount, queued.couponID)


def salvaged(value: bytes | None, ids: OrderIds) -> NewOrder | None:
    """What can be read of an order that can't be placed: None unless its id was handed out to a buyer.

    Numbers that can't be read are 0.
    """
    try:
        found: Any = json.loads(value or b"")
    except ValueError:
        return None
    fields = cast("dict[str, Any]", found) if isinstance(found, dict) else {}
    order_id = fields.get("orderID")
    if not isinstance(order_id, str) or ids.kind(order_id) not in ("b", "f"):
        return None
    wide = [_number(fields.get(name), 64) for name in ("userID", "productID", "couponID")]
    narrow = [_number(fields.get(name), 32) for name in ("productCount", "amount")]
    return NewOrder(order_id, wide[0], wide[1], narrow[0], narrow[1], wide[2])


def _number(value: object, bits: int) -> int:
    return value if isinstance(value, int) and 0 <= value < 2**bits else 0
