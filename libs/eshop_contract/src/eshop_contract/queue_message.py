"""The messages of the order queue, which the flash-sale and order services write and the order service reads."""

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

MAX_ORDER_BYTES = 64 << 10
"""Orders are far smaller; a larger message is not parsed."""


class QueuedOrder(BaseModel):
    """An order in the queue, as JSON. The Go original writes the same fields, without orderID."""

    model_config = ConfigDict(extra="ignore")

    userID: int = Field(gt=0, lt=2**64)  # noqa: N815 - the wire's name
    productID: int = Field(gt=0, lt=2**64)  # noqa: N815
    productCount: int = Field(gt=0, lt=2**32)  # noqa: N815
    amount: int = Field(gt=0, lt=2**32)
    couponID: int = Field(0, ge=0, lt=2**64)  # noqa: N815
    orderID: str = ""  # noqa: N815


def queued_order(
    *, user_id: int, product_id: int, product_count: int, amount: int, coupon_id: int, order_id: str
) -> bytes:
    """The value of a message. Its fields were checked where the request came in."""
    return orjson.dumps(
        {
            "userID": user_id,
            "productID": product_id,
            "productCount": product_count,
            "amount": amount,
            "couponID": coupon_id,
            "orderID": order_id,
        }
    )


def read_order(value: bytes | None) -> QueuedOrder:
    """The order in a message. Raises ValueError, in one line for people, for anything else."""
    value = value or b""
    if len(value) > MAX_ORDER_BYTES:
        raise ValueError(f"message: {len(value)} bytes, and an order has at most {MAX_ORDER_BYTES}")
    try:
        return QueuedOrder.model_validate_json(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise ValueError(f"{'.'.join(str(part) for part in first['loc']) or 'message'}: {first['msg']}") from None
    except RecursionError:
        raise ValueError("message: nested too deeply") from None
