"""Dead letters: messages of the queue that can't be placed, put aside with their reason so that nothing is skipped.

A message goes to the dead-letter topic, and where it names an order that was handed out, that order's fate is noted in
MySQL, for whoever asks. `make dead-letters` lists them and writes them into the queue again; then they bear the header
`position`, the place where they first were, which names an order that came without an id.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from confluent_kafka import Message
from sqlalchemy.exc import SQLAlchemyError

from aiodtm import CommitUnknown
from eshop_chassis import get_logger
from eshop_chassis.kafka import KafkaProducer
from eshop_chassis.mysql import Database, Tx
from eshop_order.store import OrderStore
from protoc_gen_fastapi.runtime import RpcError

log = get_logger(__name__)
TRY_AGAIN_SECONDS = 1.0
MAX_REASON = 500


@dataclass(frozen=True)
class Queued:
    """A message as it came; `position` is "topic/partition/offset" of the place where it first was."""

    key: str
    value: bytes
    headers: Mapping[str, str]
    position: str

    @classmethod
    def of(cls, message: Message) -> "Queued":
        pairs = message.headers() or []
        headers = {k: v.decode("utf-8", "replace") if isinstance(v, bytes) else str(v or "") for k, v in pairs}
        position = headers.get("position") or f"{message.topic()}/{message.partition()}/{message.offset()}"
        key = (message.key() or b"").decode("utf-8", "replace")
        return cls(key, message.value() or b"", headers, position)


class DeadLetters:
    """The dead-letter topic, and the notes about it."""

    def __init__(self, db: Database, store: OrderStore, producer: KafkaProducer, topic: str) -> None:
        self._db = db
        self._store = store
        self._producer = producer
        self._topic = topic

    async def bury(self, message: Queued, order_id: str | None, reason: str) -> None:
        """Puts a message aside; `order_id` is the order that it is about, if that was handed out.

        Returns when it is safe there, however long that takes. The note comes first: whoever asks must never be told
        less than what is known.
        """
        log.error("dead letter", position=message.position, order_id=order_id or "", why=reason)
        headers = {**message.headers, "reason": reason[:MAX_REASON], "position": message.position}
        while True:
            try:
                if order_id:
                    await self._db.run(lambda tx: self._note(tx, order_id, message.position, reason))
                return await self._producer.send(self._topic, message.key, message.value, headers)
            except (RpcError, SQLAlchemyError, CommitUnknown) as error:
                log.warning("a dead letter can't be put aside yet", why=str(error))
                await asyncio.sleep(TRY_AGAIN_SECONDS)

    async def _note(self, tx: Tx, order_id: str, position: str, reason: str) -> None:
        await self._store.note_dead_letter(tx, order_id, position, reason[:MAX_REASON])
