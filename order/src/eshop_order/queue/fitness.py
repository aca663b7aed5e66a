"""Whether this process can place orders at all: MySQL and DTM answer it.

A consumer keeps its partitions while it waits for a part that is away. That is right when no process can reach it.
When only this process can't, its orders wait beside a consumer that could place them. So a process that has been
unfit for some seconds leaves its group, and joins again when it is fit.
"""

import asyncio
from collections.abc import Mapping

from eshop_chassis import Check, find_missing

LOOK_AGAIN_SECONDS = 0.5


class Fitness:
    """Looks at `parts`. `patience`: for how many seconds a part may be missing."""

    def __init__(self, parts: Mapping[str, Check], patience: float) -> None:
        self._parts = dict(parts)
        self._patience = patience

    async def regained(self) -> None:
        """Returns when no part is missing."""
        while await find_missing(self._parts):  # noqa: ASYNC110 - no event says that a part is back
            await asyncio.sleep(LOOK_AGAIN_SECONDS)

    async def lost(self) -> dict[str, str]:
        """Returns what is missing, and why, once something has been missing for as long as patience lasts."""
        loop = asyncio.get_running_loop()
        since: float | None = None
        while True:
            missing = await find_missing(self._parts)
            since = (since or loop.time()) if missing else None
            if since is not None and loop.time() - since >= self._patience:
                return missing
            await asyncio.sleep(LOOK_AGAIN_SECONDS)
