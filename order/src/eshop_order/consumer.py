"""The consumer of the order queue: places what it polls, and moves on only when every order polled is final."""

import asyncio
from collections.abc import Sequence

from confluent_kafka import Message

from eshop_chassis.kafka import KafkaBatches, KafkaProducer
from eshop_chassis.logs import get_logger
from eshop_chassis.order_ids import OrderIds
from eshop_chassis.readiness import describe
from eshop_order import queue
from eshop_order.lanes import MOST_ORDERS
from eshop_order.orders import NewOrder
from eshop_order.place_orders import Placer
from eshop_order.settings import Settings
from protoc_gen_fastapi.runtime import RpcError

log = get_logger(__name__)
TRY_AGAIN_SECONDS = 1.0


class OrderConsumer:
    """Reads buffered orders from Kafka, a batch at a time."""

    def __init__(self, settings: Settings, placer: Placer, producer: KafkaProducer, ids: OrderIds) -> None:
        self._settings = settings
        self._placer = placer
        self._producer = producer
        self._ids = ids

    async def run(self) -> None:
        """Consumes until cancelled, then leaves the group."""
        s = self._settings
        batches = KafkaBatches(s, s.kafka_order_topic, s.kafka_order_group, s.order_poll_messages)
        await batches.open()
        try:
            while True:
                messages = await batches.next()
                async with batches.kept_alive():
                    await self._place(messages)
                await batches.done()
        finally:
            await asyncio.shield(batches.close())

    async def _place(self, messages: Sequence[Message]) -> None:
        """Returns only when every message is a final order or a dead letter; nothing is skipped."""
        orders = [order for m in messages if (order := await self._read(m)) is not None]
        headers = _headers(messages[0]) if len(messages) == 1 else {}
        sagas = [orders[i : i + MOST_ORDERS] for i in range(0, len(orders), MOST_ORDERS)]
        await asyncio.gather(*(self._place_together(part, headers) for part in sagas))

    async def _place_together(self, orders: Sequence[NewOrder], headers: dict[str, str]) -> None:
        while True:
            try:
                await self._placer.place(orders, headers)
            except RpcError as error:
                log.warning("placing goes on later", why=str(error), orders=len(orders))
            except Exception as error:
                log.error("placing failed and is tried again", exc_info=error, orders=len(orders))
            else:
                return
            await asyncio.sleep(TRY_AGAIN_SECONDS)

    async def _read(self, message: Message) -> NewOrder | None:
        position = f"{message.topic()}/{message.partition()}/{message.offset()}"
        try:
            return queue.read(message.value(), self._ids, position)
        except queue.PoisonedMessageError as error:
            await self._bury(message, position, str(error))
            await self._refuse(message, str(error))
            return None

    async def _bury(self, message: Message, position: str, reason: str) -> None:
        """Puts a message that can never be placed aside, with the reason; waits until it is safe there."""
        log.error("dead letter", position=position, why=reason)
        headers = {**_headers(message), "reason": reason, "position": position}
        key = (message.key() or b"").decode("utf-8", "replace")
        while True:
            try:
                return await self._producer.send(
                    self._settings.kafka_dead_letter_topic, key, message.value() or b"", headers
                )
            except RpcError as error:
                log.warning("the dead-letter topic does not answer", why=str(error))
                await asyncio.sleep(TRY_AGAIN_SECONDS)

    async def _refuse(self, message: Message, reason: str) -> None:
        """Ends an order whose id a buyer has: what was put aside will never be placed, and they may ask about it."""
        order = queue.salvaged(message.value(), self._ids)
        while order is not None:
            try:
                await self._placer.refuse(order, "DEAD_LETTER", f"the order can't be placed: {reason}")
            except Exception as error:
                log.warning("a dead letter's order is refused later", order_id=order.order_id, why=describe(error))
            else:
                return
            await asyncio.sleep(TRY_AGAIN_SECONDS)


def _headers(message: Message) -> dict[str, str]:
    pairs = message.headers() or []
    return {k: v.decode("utf-8", "replace") if isinstance(v, bytes) else str(v or "") for k, v in pairs}
