"""Whether the suite has come to rest: what is still in flight, and waiting until nothing is."""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence

import pymysql
from databases import Databases
from kafka_lag import QueueLag
from redis.exceptions import RedisError
from shop import Shop

LOOK_EVERY_SECONDS = 0.5
TELL_EVERY_SECONDS = 5.0
UNFINISHED = (
    "SELECT state, COUNT(*) AS orders FROM eshop_order.order_record"
    " WHERE state IN ('placing', 'claimed') OR (state = 'reverted' AND suite = 1) GROUP BY state"
)
TRANSACTIONS = "SELECT COUNT(*) AS open FROM dtm.trans_global WHERE status NOT IN ('succeed', 'failed')"
# DTM on Redis lists its unfinished transactions in this set.
DTM_REDIS_UNFINISHED = "{a}_u"


class Rest:
    """Looks at everything that passes through the suite."""

    def __init__(self, shop: Shop, db: Databases, lag: QueueLag) -> None:
        self._shop = shop
        self._db = db
        self._lag = lag

    async def in_flight(self) -> list[str]:
        """What is still under way, a text for each kind."""
        if missing := self._shop.missing():
            return [f"{', '.join(missing)} not ready"]
        try:
            return await asyncio.to_thread(lambda: list(self._in_flight()))
        except (pymysql.Error, RedisError) as error:
            return [f"a store does not answer: {type(error).__name__}"]

    def _in_flight(self) -> Iterator[str]:
        for row in self._db.rows(UNFINISHED):
            yield f"{row['orders']} orders {row['state']}"
        if units := self._db.value("SELECT COUNT(*) AS units FROM eshop_order.unit_return"):
            yield f"{units} units to go back"
        if sagas := self._db.value(TRANSACTIONS):
            yield f"{sagas} sagas open"
        if messages := self._db.redis.zcard(DTM_REDIS_UNFINISHED):
            yield f"{messages} flash-sale messages open"
        if behind := self._lag.messages():
            yield f"{behind} messages in the queue"

    async def reached(
        self, within: float, problems: Callable[[], Sequence[str]], tell: Callable[[str], None]
    ) -> float | list[str]:
        """Waits until nothing is in flight and no book is broken.

        Returns the seconds that took, or what was wrong when `within` seconds were over.
        """
        begin = told = time.monotonic()
        while True:
            wrong = await self.in_flight() or await asyncio.to_thread(lambda: list(problems()))
            seconds = time.monotonic() - begin
            if not wrong:
                return seconds
            if seconds > within:
                return wrong
            if time.monotonic() - told > TELL_EVERY_SECONDS:
                told = time.monotonic()
                tell(f"{seconds:.0f} s: {'; '.join(wrong[:4])}")
            await asyncio.sleep(LOOK_EVERY_SECONDS)
