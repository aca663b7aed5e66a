"""Which run of Redis this process talks to.

A Redis that restarted may have lost its last second, and units that were sold with it. Every run has an id of its own
(INFO server). A sale bears the id of the run in which it was opened, and take.lua refuses to take while the run that
its caller knows is another. The caller's may be out of date by then; but then the connection is a new one, and it is
given up when it turns out to lead to another run than its user knows.
"""

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from eshop_chassis import get_logger

log = get_logger(__name__)
_expected: ContextVar[str] = ContextVar("expected_redis_run", default="")


class RedisRuns:
    """Learns the run id with every connection."""

    def __init__(self) -> None:
        self.last = ""

    async def on_connect(self, connection: Any) -> None:
        """Greets Redis as redis-py does, then asks for its run id. Raises where the call at hand expects another."""
        await connection.on_connect()
        await connection.send_command("INFO", "server")
        run_id = _run_id(await connection.read_response())
        if self.last and run_id != self.last:
            log.warning("Redis has restarted", run_id=run_id)
        self.last = run_id
        if _expected.get() not in ("", run_id):
            raise RedisConnectionError("Redis has restarted in the meantime")

    async def now(self, redis: Redis) -> str:
        """The run id that Redis tells now."""
        found: Any = await redis.info("server")
        self.last = str(found["run_id"])
        return self.last

    @contextmanager
    def expecting(self, run_id: str) -> Generator[None]:
        """Lets calls inside use connections to this run only."""
        token = _expected.set(run_id)
        try:
            yield
        finally:
            _expected.reset(token)


def _run_id(info: str | bytes) -> str:
    text = info.decode() if isinstance(info, bytes) else info
    return next(line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("run_id:"))
