"""From the messages of one poll to final orders: what may pass is tried again, what can't be placed is put aside.

While a part of the shop is away no message is at fault, so that is waited for, with a growing pause. Anything else may
be one order's fault: after a few tries the orders of the poll go one by one, and one that fails again and again alone
becomes a dead letter.
"""

import asyncio
from collections.abc import Mapping, Sequence

from sqlalchemy.exc import SQLAlchemyError

from aiodtm import CommitUnknown, DtmUnavailable
from eshop_chassis import describe, get_logger
from eshop_chassis.calls import BusyError
from eshop_chassis.mysql import is_passing
from eshop_contract import OrderIds, refusals
from eshop_order.orders import NewOrder
from eshop_order.placing.lanes import MOST_ORDERS
from eshop_order.placing.placer import Placer
from eshop_order.queue import message as queue_message
from eshop_order.queue.dead_letters import DeadLetters, Queued
from protoc_gen_fastapi.runtime import DeadlineExceeded, TooMany, Unavailable

log = get_logger(__name__)
PAUSES_SECONDS = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
_AWAY = (Unavailable, DeadlineExceeded, TooMany, BusyError, DtmUnavailable, CommitUnknown, TimeoutError, OSError)


class QueuePlacing:
    """Brings every message to an end: a final order, or a dead letter."""

    def __init__(self, placer: Placer, letters: DeadLetters, ids: OrderIds, *, tries: int) -> None:
        self._placer = placer
        self._letters = letters
        self._ids = ids
        self._tries = tries

    async def place(self, messages: Sequence[Queued]) -> None:
        """Returns only when every message is a final order or a dead letter; nothing is skipped."""
        orders = [(order, m) for m in messages if (order := await self._read(m)) is not None]
        sagas = [orders[i : i + MOST_ORDERS] for i in range(0, len(orders), MOST_ORDERS)]
        await asyncio.gather(*(self._place_together(part) for part in sagas))

    async def _place_together(self, orders: Sequence[tuple[NewOrder, Queued]]) -> None:
        headers: Mapping[str, str] = orders[0][1].headers if len(orders) == 1 else {}
        if await self._try([order for order, _ in orders], headers) is None:
            return
        for order, message in orders:
            error = await self._try([order], message.headers)
            if error is not None:
                await self._letters.bury(message, order.order_id, f"{type(error).__name__}: {error}")

    async def _try(self, orders: Sequence[NewOrder], headers: Mapping[str, str]) -> Exception | None:
        """Places the orders; returns the error when they were at fault as often as may be."""
        faults, waits = 0, 0
        while True:
            try:
                await self._placer.place(orders, _carried(headers))
            except Exception as error:
                if _will_pass(error):
                    log.warning("placing goes on later", why=str(error), orders=len(orders))
                else:
                    faults += 1
                    log.error("placing failed", exc_info=error, orders=len(orders), tries=faults)
                    if faults >= self._tries:
                        return error
            else:
                return None
            await asyncio.sleep(PAUSES_SECONDS[min(waits, len(PAUSES_SECONDS) - 1)])
            waits += 1

    async def _read(self, message: Queued) -> NewOrder | None:
        try:
            return queue_message.read(message.value, self._ids, message.position)
        except queue_message.PoisonedMessageError as error:
            await self._letters.bury(message, None, str(error))
            await self._refuse(message, str(error))
            return None

    async def _refuse(self, message: Queued, reason: str) -> None:
        """Ends an order whose id a buyer has: what can't be read will never be placed, and they may ask about it."""
        order = queue_message.salvaged(message.value, self._ids)
        while order is not None:
            try:
                await self._placer.refuse(order, refusals.DEAD_LETTER(reason=reason))
            except Exception as error:
                log.warning("a dead letter's order is refused later", order_id=order.order_id, why=describe(error))
            else:
                return
            await asyncio.sleep(PAUSES_SECONDS[-1])


def _carried(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers that travel on with the order's saga; where a message was is of no use there."""
    return {name: text for name, text in headers.items() if name not in ("position", "reason", "replayed")}


def _will_pass(error: Exception) -> bool:
    """Whether a part is away, rather than something being wrong with an order."""
    return isinstance(error, _AWAY) or (isinstance(error, SQLAlchemyError) and is_passing(error))
