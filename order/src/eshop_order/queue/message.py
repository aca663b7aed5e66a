"""Orders to and from the queue. Only reading judges a message: what it lets through is an order that can be placed."""

import json
import re
from dataclasses import dataclass
from typing import Any, cast

from confluent_kafka import Message

from eshop_chassis.kafka import headers_of
from eshop_contract import LENGTH, MAX_ORDER_BYTES, OrderIds, QueueSeal, queued_order, read_order
from eshop_order.orders import NewOrder
from eshop_order.queue.before_seals import BeforeSeals
from protoc_gen_fastapi.runtime import REQUEST_ID

_ID = re.compile(f"[bf][0-9a-v]{{{LENGTH - 1}}}")
_POSITION = re.compile(r"[A-Za-z0-9._-]{1,249}/[0-9]{1,10}/[0-9]{1,19}")
MOST_REQUEST_ID = 128
FOREIGN = "message: this shop did not write it, its seal is missing or wrong"


class PoisonedMessageError(Exception):
    """The message is not an order that can be placed, and never will be.

    `order` is what can be read of it where its id was handed out to a buyer, None otherwise.
    """

    def __init__(self, reason: str, order: NewOrder | None = None) -> None:
        super().__init__(reason)
        self.order = order


@dataclass(frozen=True)
class Queued:
    """A message as it came. `partition` and `offset` are where it was read, `position` where it first was.

    `position` is "topic/partition/offset"; a message that was replayed bears it as a header.
    """

    key: str
    value: bytes
    headers: dict[str, str]
    topic: str
    partition: int
    offset: int

    @classmethod
    def of(cls, message: Message) -> "Queued":
        """Never fails, whatever the message holds."""
        key = message.key() or b""
        return cls(
            key if isinstance(key, str) else key.decode("utf-8", "replace"),
            message.value() or b"",
            headers_of(message),
            message.topic() or "",
            message.partition() or 0,
            message.offset() or 0,
        )

    @property
    def place(self) -> str:
        """Where the message was read: "topic/partition/offset"."""
        return f"{self.topic}/{self.partition}/{self.offset}"

    @property
    def position(self) -> str:
        """Where the message first was."""
        named = self.headers.get("position", "")
        return named if _POSITION.fullmatch(named) else self.place

    @property
    def carried(self) -> dict[str, str]:
        """The headers that travel on with the order's saga: its request id, where that can be a header of gRPC."""
        request_id = self.headers.get(REQUEST_ID, "")
        usable = 0 < len(request_id) <= MOST_REQUEST_ID and request_id.isascii() and request_id.isprintable()
        return {REQUEST_ID: request_id} if usable else {}


class OrderReader:
    """Reads the orders that this installation wrote."""

    def __init__(self, seal: QueueSeal, ids: OrderIds, before_seals: BeforeSeals) -> None:
        self._seal = seal
        self._ids = ids
        self._before_seals = before_seals
        self._older_ids = OrderIds.of_older_releases()

    def read(self, message: Queued) -> NewOrder:
        """The order in a message. Raises PoisonedMessageError."""
        sealed = self._seal.fits(message.value, message.headers)
        if not sealed and not self._before_seals.covers(message.topic, message.partition, message.offset):
            raise PoisonedMessageError(FOREIGN)
        try:
            queued = read_order(message.value)
        except ValueError as error:
            raise PoisonedMessageError(str(error), self._salvaged(message, sealed=sealed)) from None
        # Releases without seals placed the messages of the Go original, which carry no id.
        order_id = queued.orderID or ("" if sealed else self._older_ids.derived("b", message.position))
        if not self._handed_out(order_id, sealed=sealed):
            raise PoisonedMessageError("orderID: not an id that this shop made for its queue")
        return NewOrder(order_id, queued.userID, queued.productID, queued.productCount, queued.amount, queued.couponID)

    def _handed_out(self, order_id: str, *, sealed: bool) -> bool:
        """Whether a buyer has this id. A sealed message is ours; an older key may have made its id."""
        if sealed:
            return _ID.fullmatch(order_id) is not None
        return self._ids.kind(order_id) in ("b", "f") or self._older_ids.kind(order_id) in ("b", "f")

    def _salvaged(self, message: Queued, *, sealed: bool) -> NewOrder | None:
        """What can be read of an order that can't be placed. Numbers that can't be read are 0."""
        try:
            found: Any = json.loads(message.value) if len(message.value) <= MAX_ORDER_BYTES else None
        except (ValueError, RecursionError):
            return None
        fields = cast("dict[str, Any]", found) if isinstance(found, dict) else {}
        order_id = fields.get("orderID")
        if not isinstance(order_id, str) or not self._handed_out(order_id, sealed=sealed):
            return None
        wide = [_number(fields.get(name), 64) for name in ("userID", "productID", "couponID")]
        narrow = [_number(fields.get(name), 32) for name in ("productCount", "amount")]
        return NewOrder(order_id, wide[0], wide[1], narrow[0], narrow[1], wide[2])


def write(order: NewOrder) -> bytes:
    """The value of an order's message."""
    return queued_order(
        user_id=order.user_id,
        product_id=order.product_id,
        product_count=order.product_count,
        amount=order.amount,
        coupon_id=order.coupon_id,
        order_id=order.order_id,
    )


def _number(value: object, bits: int) -> int:
    return value if isinstance(value, int) and 0 <= value < 2**bits else 0
