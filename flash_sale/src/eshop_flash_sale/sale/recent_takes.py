"""What this process has sold a moment ago, in case Redis loses its last second: it counts in the buyers' limits."""

import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis

from aiodtm.redis import RedisBarrier, stored_each

# Redis may lose its last second or two. All sales are open again long before the second of these times is over.
RECENT_SECONDS = 5.0
REOPENED_SECONDS = 300.0
MOST_RECENT = 10_000


@dataclass(frozen=True)
class _Message:
    """What one message took of one product: rows of take.lua (reference, user, units, version, ...)."""

    at: float
    run_id: str
    product_id: int
    barrier: RedisBarrier
    rows: Sequence[Any]


class RecentTakes:
    """Remembers takes of the last seconds of each run of Redis."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._messages: deque[_Message] = deque(maxlen=MOST_RECENT)

    def add(self, run_id: str, product_id: int, barrier: RedisBarrier, rows: Sequence[Any]) -> None:
        """Remembers accepted rows; nothing where nobody looks after the run."""
        if not (run_id and rows):
            return
        now = time.monotonic()
        while self._messages and now - self._messages[0].at > self._kept_seconds(run_id):
            self._messages.popleft()
        self._messages.append(_Message(now, run_id, product_id, barrier, rows))

    async def lost(self, product_id: int, version: str, run_id: str) -> list[str | int]:
        """User and units, one after the other, of takes of this sale that this run of Redis does not know.

        They are forgotten with it: a sale that is opened once more must not count them twice. So they do not count
        where the call that is to open it fails.
        """
        mine = [m for m in self._messages if m.product_id == product_id and m.run_id != run_id]
        if not mine:
            return []
        self._messages = deque((m for m in self._messages if m not in mine), MOST_RECENT)
        outcomes = await stored_each(self._redis, [m.barrier for m in mine])
        known, gone = dict[str, Any](), dict[str, Any]()
        for message, outcome in zip(mine, outcomes, strict=True):
            kept = outcome is not None and outcome.state == "ok"
            # A repetition with a key is accepted once more; its unit counts once.
            (known if kept else gone).update({row[0]: row for row in message.rows if row[3] == version})
        units: Counter[str] = Counter()
        for ref, (_, user, count, *_rest) in gone.items():
            if ref not in known and user != "0":
                units[user] += count
        return [text for pair in units.items() for text in pair]

    def _kept_seconds(self, run_id: str) -> float:
        """What an earlier run may have lost is kept until all sales are open again."""
        return RECENT_SECONDS if self._messages[0].run_id == run_id else REOPENED_SECONDS
