"""The messages of the order queue, which the flash-sale and order services write and the order service reads."""

from pydantic import BaseModel, ConfigDict, Field


class QueuedOrder(BaseModel):
    """An order in the queue, as JSON. The Go original writes the same fields, without orderID."""

    model_config = ConfigDict(extra="ignore")

    userID: int = Field(gt=0, lt=2**64)  # noqa: N815 - the wire's name
    productID: int = Field(gt=0, lt=2**64)  # noqa: N815
    productCount: int = Field(gt=0, lt=2**32)  # noqa: N815
    amount: int = Field(gt=0, lt=2**32)
    couponID: int = Field(0, ge=0, lt=2**64)  # noqa: N815
    orderID: str = ""  # noqa: N815

    def to_bytes(self) -> bytes:
        """The value of the message."""
        return self.model_dump_json().encode()
