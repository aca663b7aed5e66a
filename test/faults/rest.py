"""Whether the suite has come to rest with its books in order, as `eshop verify` sees it; and waiting until it has."""

import asyncio
import time
from collections.abc import Callable

import pymysql
from confluent_kafka import KafkaException
from redis.exceptions import RedisError
from shop import Shop

from eshop_deploy.stacks import BringUpError, saved_settings
from eshop_deploy.verify.findings import Look
from eshop_deploy.verify.look import open_books

LOOK_EVERY_SECONDS = 0.5
TELL_EVERY_SECONDS = 5.0
# Whoever finishes or sets right what others have left looks for it every few seconds.
STILL_SECONDS = 30.0


class Rest:
    """Looks at everything that passes through the suite."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop

    async def missing(self) -> tuple[list[str], list[str]]:
        """(what is still under way, what is broken); a book that is broken twice in a row is."""
        if absent := self._shop.missing():
            return [f"{', '.join(absent)} not ready"], []
        try:
            look = await asyncio.to_thread(self._verdict)
        except (pymysql.Error, RedisError, KafkaException, BringUpError, OSError) as error:
            return [f"a store does not answer: {error}"], []
        return [str(way) for way in look.on_its_way], [str(finding) for finding in look.findings]

    def _verdict(self) -> Look:
        """Over connections of its own: earlier ones may not have outlived the fault."""
        with open_books(saved_settings(self._shop.stack)) as books:
            return books.verdict()

    async def reached(self, within: float, tell: Callable[[str], None]) -> float | tuple[list[str], list[str]]:
        """Waits until nothing is under way and nothing is broken.

        Returns the seconds that took, or what was missing when `within` seconds were over, or when something is broken
        and nothing has moved for a while.
        """
        begin = told = moved = time.monotonic()
        before: list[str] = []
        while True:
            on_its_way, broken = await self.missing()
            seconds = time.monotonic() - begin
            if not on_its_way and not broken:
                return seconds
            still = not on_its_way and broken == before
            if not still:
                before, moved = broken, time.monotonic()
            if seconds > within or (still and time.monotonic() - moved > STILL_SECONDS):
                return on_its_way, broken
            if time.monotonic() - told > TELL_EVERY_SECONDS:
                told = time.monotonic()
                tell(f"{seconds:.0f} s: {'; '.join([*broken, *on_its_way][:4])}")
            await asyncio.sleep(LOOK_EVERY_SECONDS)
