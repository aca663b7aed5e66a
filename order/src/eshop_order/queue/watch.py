"""Whether the order queue makes progress: metrics and /readyz report it while there is work and none gets done."""

import asyncio

from confluent_kafka import KafkaException
from prometheus_client import Gauge

from eshop_chassis import MissingError, get_logger
from eshop_chassis.kafka import GroupProgress

log = get_logger(__name__)
LOOK_EVERY_SECONDS = 5.0
# Longer than a rebalance, and longer than the retries of an order that fails alone.
STALLED_SECONDS = 30.0
_LAG = Gauge("eshop_order_queue_lag", "Messages of the order queue that are not placed")
_STALLED = Gauge(
    "eshop_order_queue_stalled_seconds", "For how long no message was finished though some wait; 0: all is well"
)


class QueueWatch:
    """Looks at the whole group: an order service without a partition reports stalled orders, too."""

    def __init__(self, progress: GroupProgress) -> None:
        self._progress = progress

    async def run(self) -> None:
        """Looks until cancelled."""
        while True:
            try:
                await self._progress.look()
            except KafkaException as error:
                log.info("the order queue can't be looked at", why=str(error))
            _LAG.set(self._progress.lag)
            _STALLED.set(self._progress.stalled_seconds)
            await asyncio.sleep(LOOK_EVERY_SECONDS)

    async def check(self) -> None:
        """Raises while messages wait and none was finished for STALLED_SECONDS."""
        stalled = self._progress.stalled_seconds
        if stalled > STALLED_SECONDS:
            raise MissingError(f"{self._progress.lag} messages wait, and none was finished for {stalled:.0f} s")
