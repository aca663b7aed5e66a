"""What runs beside the requests of a service: from the moment it is ready until it stops."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from eshop_chassis.logs import get_logger

Work = Callable[[], Coroutine[Any, Any, None]]
log = get_logger(__name__)
PAUSE_SECONDS = 1.0


class Background:
    """The background tasks of one service."""

    def __init__(self, works: Sequence[Work]) -> None:
        self._works = works
        self._tasks: list[asyncio.Task[None]] = []
        self._stopped = False

    def start(self) -> None:
        """Starts them, once: later calls change nothing."""
        if not self._tasks and not self._stopped:
            self._tasks = [asyncio.create_task(_restarting(work)) for work in self._works]

    async def stop(self, seconds: float) -> None:
        """Cancels them and waits until each has tidied up, `seconds` at most."""
        self._stopped = True
        for task in self._tasks:
            task.cancel()
        if not self._tasks:
            return
        _, late = await asyncio.wait(self._tasks, timeout=seconds)
        if late:
            log.warning("background tasks did not end in time", number=len(late))


async def _restarting(work: Work) -> None:
    """Runs `work` until it returns or is cancelled; when it fails, that is told and it starts again after a pause."""
    while True:
        try:
            return await work()
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            log.error("a background task was cancelled from within and starts again", task=_name(work))
        except Exception as error:
            log.error("a background task failed and starts again", task=_name(work), exc_info=error)
        await asyncio.sleep(PAUSE_SECONDS)


def _name(work: Work) -> str:
    return getattr(work, "__qualname__", repr(work))
