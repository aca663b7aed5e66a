"""Bringing accepted orders into the queue: at once by the process that sold them, or by DTM's delivery.

The seller writes the orders as soon as their units are taken, and its buyers are told then. DTM's delivery comes after
that and finds it done. Where the seller died or the queue was away, the delivery writes what Redis has stored as taken.
An order that is written twice is placed once: the reader of the queue goes by its id.
"""

import asyncio
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager, suppress

from redis.asyncio import Redis
from redis.exceptions import RedisError

import aiodtm
from aiodtm.redis import RedisBarrier, stored_each
from eshop_chassis import get_logger
from eshop_chassis.kafka import KafkaProducer, QueueMessage
from eshop_contract import QueueSeal, queued_order
from eshop_flash_sale.buying.messages import products_of
from eshop_flash_sale.delivery.drain import QueueDrain
from eshop_flash_sale.sale.sales import Keys, Take, accepted_items
from eshop_protos.flash_sale.v1 import flash_sale_pb2 as pb
from protoc_gen_fastapi.runtime import REQUEST_ID, InvalidArgument, Unavailable

log = get_logger(__name__)
MOST_REMEMBERED = 10_000
NOTED_SECONDS = 24 * 3600
Unit = tuple[int, Take]
"""A product, and what somebody took of it."""


class Delivery:
    """Writes the orders of messages to the queue."""

    def __init__(self, redis: Redis, producer: KafkaProducer, topic: str, seal: QueueSeal, drain: QueueDrain) -> None:
        self._redis = redis
        self._producer = producer
        self._topic = topic
        self._seal = seal
        self._drain = drain
        self._done: dict[str, None] = {}
        self._writing: set[asyncio.Task[bool]] = set()

    @contextmanager
    def under_way(self) -> Generator[None]:
        """From before units are taken until their orders are in the queue: no restarted Redis may be set meanwhile."""
        one = object()
        self._drain.delivering.add(one)
        try:
            yield
        finally:
            self._drain.delivering.discard(one)

    async def write(self, gid: str, units: Sequence[Unit], seconds: float) -> bool:
        """Writes the orders of units that this message has taken.

        False where not all were acknowledged in time; what is under way then goes on.
        """
        writing = asyncio.create_task(self._write(gid, units))
        self._writing.add(writing)
        writing.add_done_callback(self._writing.discard)
        await asyncio.wait({writing}, timeout=seconds)
        return writing.done() and writing.result()

    async def _write(self, gid: str, units: Sequence[Unit]) -> bool:
        with self.under_way():
            try:
                await self._producer.send_many(self._topic, self._messages(units, ""))
            except Unavailable as error:
                log.info("orders are left to DTM's delivery", gid=gid, why=error.message)
                return False
        self._done[gid] = None
        if len(self._done) > MOST_REMEMBERED:
            del self._done[next(iter(self._done))]
        return True

    async def note(self, gid: str) -> None:
        """Tells other processes that the queue has all orders of this message. It saves them work, no more."""
        with suppress(RedisError):
            await self._redis.set(_note(gid), "1", ex=NOTED_SECONDS)

    async def deliver(self, barrier: aiodtm.Barrier, request_id: str) -> None:
        """As DTM asks: writes the orders whose units were taken, where nobody has.

        Raises Unavailable where an outcome is not stored: DTM must ask again, never take it for delivered. What the
        outcomes of other products tell is written all the same.
        """
        products = _products(barrier)
        if barrier.gid in self._done:
            return
        with self.under_way():
            if await self._redis.get(_note(barrier.gid)):
                return
            units, complete = await self._taken(barrier, products)
            await self._producer.send_many(self._topic, self._messages(units, request_id))
        if not complete:
            raise Unavailable("no outcome is stored for this message")

    async def deliver_one(
        self, barrier: aiodtm.Barrier, order: pb.SendSubmitOrderNotifyRequest, request_id: str
    ) -> None:
        """Writes this order if the message took its unit. Errors as in `deliver`."""
        with self.under_way():
            units, complete = await self._taken(barrier, _products(barrier))
            if any(unit.ref == order.orderID for _, unit in units):
                headers = {REQUEST_ID: order.requestID or request_id}
                await self.write_one(order.orderID, order, headers)
            elif not complete:
                raise Unavailable("no outcome is stored for this message")

    async def took_anything(self, barrier: aiodtm.Barrier) -> bool:
        """Answers a message's check-back. Each product is asked, also behind one that was taken: from now on its
        outcome stands. Raises InvalidArgument for another's gid.
        """
        outcomes = [await guard.query_prepared(self._redis) for guard in guards(barrier)]
        return any(outcome.state == "ok" for outcome in outcomes)

    async def write_one(
        self, order_id: str, order: pb.SendSubmitOrderNotifyRequest, headers: Mapping[str, str]
    ) -> None:
        """Writes the order of a request. Raises Unavailable where Kafka does not acknowledge it."""
        value = _request_bytes(order_id, order)
        await self._producer.send(self._topic, order_id, value, self._seal.headers(value, headers))

    def _messages(self, units: Iterable[Unit], request_id: str) -> list[QueueMessage]:
        return [self._message(product_id, unit, unit.request_id or request_id) for product_id, unit in units]

    def _message(self, product_id: int, unit: Take, request_id: str) -> QueueMessage:
        value = _order_bytes(product_id, unit)
        return QueueMessage(unit.ref, value, self._seal.headers(value, {REQUEST_ID: request_id}))

    async def _taken(self, barrier: aiodtm.Barrier, products: Sequence[int]) -> tuple[list[Unit], bool]:
        """The units that were taken, and whether each product has an outcome."""
        outcomes = await stored_each(self._redis, guards(barrier))
        units = [
            (product_id, unit)
            for product_id, outcome in zip(products, outcomes, strict=True)
            if outcome is not None
            for unit in accepted_items(outcome)
        ]
        return units, None not in outcomes


def guards(barrier: aiodtm.Barrier) -> list[RedisBarrier]:
    """The barriers of a message: one for each product that it sells. Raises InvalidArgument for another's gid."""
    sender = aiodtm.Barrier.of_message(barrier.gid)
    return [RedisBarrier(sender, slot=Keys(product_id).slot) for product_id in _products(barrier)]


def _request_bytes(order_id: str, request: pb.SendSubmitOrderNotifyRequest) -> bytes:
    """The order of a request, as the queue has it."""
    return queued_order(
        user_id=request.userID,
        product_id=request.productID,
        product_count=request.productCount,
        amount=request.amount,
        coupon_id=request.couponID,
        order_id=order_id,
    )


def _order_bytes(product_id: int, unit: Take) -> bytes:
    return queued_order(
        user_id=unit.user_id,
        product_id=product_id,
        product_count=unit.count,
        amount=unit.amount,
        coupon_id=0,
        order_id=unit.ref,
    )


def _products(barrier: aiodtm.Barrier) -> list[int]:
    try:
        return products_of(barrier.gid)
    except ValueError:
        raise InvalidArgument("gid", "not a message of a flash sale") from None


def _note(gid: str) -> str:
    return f"flash:queued:{{{gid}}}"
