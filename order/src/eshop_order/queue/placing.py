"""From the messages of one poll to final orders: temporary failures are retried, what can't be placed is put aside.

While a part of the shop is down no message is at fault, so the consumer waits for it, with growing pauses. Anything
else may be one order's fault: orders that fail together are tried in halves, so that the good ones are placed at once.
An order that fails alone is retried a few times while polling goes on, and then becomes a dead letter.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import repeat

from sqlalchemy.exc import SQLAlchemyError

from aiodtm import CommitUnknown, DtmUnavailable
from eshop_chassis import describe, get_logger
from eshop_chassis.calls import BusyError
from eshop_chassis.mysql import is_passing
from eshop_contract import refusals
from eshop_order.orders import NewOrder
from eshop_order.placing.lanes import MOST_ORDERS
from eshop_order.placing.placer import Placer
from eshop_order.queue.dead_letters import Burial, DeadLetters
from eshop_order.queue.message import OrderReader, PoisonedMessageError, Queued
from protoc_gen_fastapi.runtime import DeadlineExceeded, TooMany, Unavailable

log = get_logger(__name__)
PAUSES_SECONDS = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
_AWAY = (Unavailable, DeadlineExceeded, TooMany, BusyError, DtmUnavailable, CommitUnknown, TimeoutError, OSError)


@dataclass(frozen=True)
class Sound:
    """A message that was read, its order, and why that failed alone, if it did."""

    message: Queued
    order: NewOrder
    error: Exception | None = None


class QueuePlacing:
    """Brings every message to an end: a final order, or a dead letter."""

    def __init__(self, placer: Placer, letters: DeadLetters, reader: OrderReader, *, tries: int) -> None:
        self._placer = placer
        self._letters = letters
        self._reader = reader
        self._tries = tries

    async def place(self, messages: Sequence[Queued]) -> list[Sound]:
        """Returns when every message is a final order or a dead letter, but for those that it returns.

        Those failed alone, once; `insist` goes on with each. Nothing is skipped.
        """
        read = [self._read(message) for message in messages]
        sound = [found for found in read if isinstance(found, Sound)]
        poisoned = [found for found in read if not isinstance(found, Sound)]
        sagas = [sound[i : i + MOST_ORDERS] for i in range(0, len(sound), MOST_ORDERS)]
        failed, *_ = await asyncio.gather(self._place_all(sagas), self._bury(poisoned))
        return failed

    async def insist(self, sound: Sound) -> None:
        """Retries an order that failed alone; puts it aside when it has failed too often."""
        for pause in (*PAUSES_SECONDS, *repeat(PAUSES_SECONDS[-1], self._tries))[: self._tries - 1]:
            await asyncio.sleep(pause)
            error = await self._try([sound])
            if error is None:
                return
            sound = replace(sound, error=error)
        reason = f"{type(sound.error).__name__}: {sound.error}"
        await self._letters.bury([Burial(sound.message, reason, sound.order.order_id)])

    async def _place_all(self, sagas: Sequence[Sequence[Sound]]) -> list[Sound]:
        failed = await asyncio.gather(*(self._place_together(saga) for saga in sagas))
        return [sound for some in failed for sound in some]

    async def _place_together(self, orders: Sequence[Sound]) -> list[Sound]:
        """Returns those that failed alone."""
        error = await self._try(orders)
        if error is None:
            return []
        if len(orders) == 1:
            return [replace(orders[0], error=error)]
        half = len(orders) // 2
        return await self._place_all([orders[:half], orders[half:]])

    async def _try(self, orders: Sequence[Sound]) -> Exception | None:
        """Places the orders, waiting while a part is down; returns the error if they are at fault."""
        headers = orders[0].message.carried if len(orders) == 1 else {}
        waits = 0
        while True:
            try:
                await self._placer.place([sound.order for sound in orders], headers)
            except Exception as error:
                if not _will_pass(error):
                    # Where several failed, the halves tell more.
                    log.error("placing failed", exc_info=error if len(orders) == 1 else None, orders=len(orders))
                    return error
                log.warning("placing goes on later", why=str(error), orders=len(orders))
            else:
                return None
            await asyncio.sleep(PAUSES_SECONDS[min(waits, len(PAUSES_SECONDS) - 1)])
            waits += 1

    def _read(self, message: Queued) -> Sound | tuple[Burial, NewOrder | None]:
        try:
            return Sound(message, self._reader.read(message))
        except PoisonedMessageError as error:
            return Burial(message, str(error)), error.order

    async def _bury(self, poisoned: Sequence[tuple[Burial, NewOrder | None]]) -> None:
        await self._letters.bury([burial for burial, _ in poisoned])
        for burial, order in poisoned:
            if order is not None:
                await self._refuse(order, burial.reason)

    async def _refuse(self, order: NewOrder, reason: str) -> None:
        """Ends an order whose id a buyer has: what can't be read will never be placed, and they may ask about it."""
        while True:
            try:
                await self._placer.refuse(order, refusals.DEAD_LETTER(reason=reason))
            except Exception as error:
                log.warning("a dead letter's order is refused later", order_id=order.order_id, why=describe(error))
            else:
                return
            await asyncio.sleep(PAUSES_SECONDS[-1])


def _will_pass(error: Exception) -> bool:
    """Whether a part is away, rather than something being wrong with an order."""
    return isinstance(error, _AWAY) or (isinstance(error, SQLAlchemyError) and is_passing(error))
