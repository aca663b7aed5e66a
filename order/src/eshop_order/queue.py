"""Orders to and from the queue."""

from pydantic import BaseModel, ValidationError

from eshop_chassis.order_ids import OrderIds
from eshop_chassis.order_queue import QueuedOrder
from eshop_order.orders import NewOrder


class PoisonedMessageError(Exception):
    """The message is not an order that can be placed, and never will be."""


def write(order: NewOrder) -> bytes:
    """The message of an order."""
    return QueuedOrder(
        userID=order.user_id,
        productID=order.product_id,
        productCount=order.product_count,
        amount=order.amount,
        couponID=order.coupon_id,
        orderID=order.order_id,
    ).to_bytes()


def handed_out(value: bytes | None, ids: OrderIds) -> str | None:
    """The order that a message names, where the shop has handed its id out; the rest of the message may be wrong."""
    try:
        found = _Named.model_validate_json(value or b"").orderID
    except ValidationError:
        return None
    return found if ids.kind(found) is not None else None


class _Named(BaseModel):
    orderID: str  # noqa: N815 - the wire's name


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
