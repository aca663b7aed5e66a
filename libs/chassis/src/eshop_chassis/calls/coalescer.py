"""Group commit: calls that arrive while a batch is in flight form the next one.

There are no timers. A call that finds a free lane goes at once, so an idle system adds no latency and a busy one
batches by itself. Each caller gets its own result or error.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Generic, TypeVar, cast

from prometheus_client import Counter, Histogram

from protoc_gen_fastapi.runtime import Unavailable

T = TypeVar("T")
R = TypeVar("R")
MOST_WAITING = 20_000
_NONE_YET: Final = object()

_SIZE = Histogram("eshop_batch_size", "Calls in one batch", ["lane"], buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500))
_WAIT = Histogram("eshop_batch_wait_seconds", "Time a call waited for its batch", ["lane"])
_SHED = Counter("eshop_batch_shed_total", "Calls refused because too many were waiting", ["lane"])


class BusyError(Unavailable):
    """Too many calls are waiting; nothing was begun for this one."""


class Pending(Generic[T, R]):
    """One call in a batch: its item, and the way to answer it."""

    __slots__ = ("_group", "_index", "arrived", "item")

    def __init__(self, item: T, group: "Group[T, R]", index: int) -> None:
        self.item = item
        self.arrived = time.perf_counter()
        self._group = group
        self._index = index

    @property
    def open(self) -> bool:
        """False once it was answered, or its caller went away."""
        return self._group.answers[self._index] is _NONE_YET and not self._group.done.cancelled()

    def resolve(self, result: R) -> None:
        """Answers; of several answers the first counts."""
        self._group.answer(self._index, result)

    def fail(self, error: Exception) -> None:
        """Answers with an error; of several answers the first counts."""
        self._group.answer(self._index, error)


class Group(Generic[T, R]):
    """Calls that came in at the same time, and wait for their answers together: one wake-up instead of one for each.

    `done` is set when all are answered; cancelling it takes back those that have not begun.
    """

    __slots__ = ("_missing", "answers", "done")

    def __init__(self, size: int) -> None:
        self.answers: list[Any] = [_NONE_YET] * size
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._missing = size
        if not size:
            self.done.set_result(None)

    def answer(self, index: int, answer: R | Exception) -> None:
        """Notes an answer; of several the first counts."""
        if self.answers[index] is not _NONE_YET:
            return
        self.answers[index] = answer
        self._missing -= 1
        if not self._missing and not self.done.done():
            self.done.set_result(None)

    def so_far(self) -> list[R | Exception | None]:
        """The answers that have come, in the order of the calls; None where none has come yet."""
        return [None if answer is _NONE_YET else answer for answer in self.answers]


Work = Callable[[Sequence[Pending[T, R]]], Awaitable[None]]


class Coalescer(Generic[T, R]):
    """Runs `work` over batches of calls, at most `lanes` at a time.

    `work` answers each Pending of its batch. If it raises, those not answered get that error; if it forgets one, that
    one gets a RuntimeError. A batch has at most `max_items` calls, and a sum of `weigh(item)` of at most `max_weight`
    (but always one call). Beyond `max_waiting` calls are refused with BusyError at once.
    """

    def __init__(
        self,
        name: str,
        work: Work[T, R],
        *,
        lanes: int = 1,
        max_items: int,
        max_waiting: int = MOST_WAITING,
        weigh: Callable[[T], int] = lambda _item: 0,
        max_weight: int = 0,
    ) -> None:
        self._work = work
        self._lanes = lanes
        self._max_items = max_items
        self._max_waiting = max_waiting
        self._weigh = weigh
        self._max_weight = max_weight
        self._queue: deque[Pending[T, R]] = deque()
        self._running: set[asyncio.Task[None]] = set()
        self._size, self._wait, self._shed = _SIZE.labels(name), _WAIT.labels(name), _SHED.labels(name)

    @property
    def idle(self) -> bool:
        """True while nothing waits or runs."""
        return not self._queue and not self._running

    async def call(self, item: T) -> R:
        """Joins the next batch and returns its answer. Cancelling it harms no other call."""
        [answer] = await self.call_many([item])
        if isinstance(answer, Exception):
            # One error may be the answer of many calls: each would add its own traceback to those before.
            raise answer.with_traceback(None)
        return answer

    async def call_many(self, items: Sequence[T]) -> Sequence[R | Exception]:
        """Joins the next batch with several calls, and returns the answer or the error of each."""
        group = self.begin(items)
        await group.done
        return group.answers

    def begin(self, items: Sequence[T]) -> Group[T, R]:
        """Joins the next batch with several calls; does not wait. Those beyond `max_waiting` are answered BusyError."""
        group: Group[T, R] = Group(len(items))
        room = max(0, self._max_waiting - len(self._queue))
        for index, item in enumerate(items[:room]):
            self._queue.append(Pending(item, group, index))
        for index in range(room, len(items)):
            self._shed.inc()
            group.answer(index, BusyError("too many requests are waiting; try again in a moment"))
        if self._queue and len(self._running) < self._lanes:
            self._start()
        return group

    def _start(self) -> None:
        task = asyncio.create_task(self._run())
        self._running.add(task)

    async def _run(self) -> None:
        """One lane. It stops only when nothing is waiting, checked without an await in between: otherwise a call could
        join a lane that takes no more, and wait forever.
        """
        try:
            await self._work_off()
        finally:
            self._running.remove(cast("asyncio.Task[None]", asyncio.current_task()))

    async def _work_off(self) -> None:
        """Batch after batch until nothing waits. The first one holds all calls that arrived at the same moment."""
        while batch := self._next_batch():
            self._measure(batch)
            try:
                await self._work(batch)
            except BaseException as error:
                _fail(batch, error)
                if not isinstance(error, Exception):
                    raise
            else:
                _fail(batch, RuntimeError("a batch forgot to answer a call"))

    def _next_batch(self) -> list[Pending[T, R]]:
        batch: list[Pending[T, R]] = []
        weight = 0
        while self._queue and len(batch) < self._max_items:
            pending = self._queue[0]
            if pending.open:
                weight += self._weigh(pending.item)
                if batch and weight > self._max_weight > 0:
                    break
                batch.append(pending)
            self._queue.popleft()
        return batch

    def _measure(self, batch: Sequence[Pending[T, R]]) -> None:
        self._size.observe(len(batch))
        self._wait.observe(time.perf_counter() - batch[0].arrived)


def _fail(batch: Sequence[Pending[T, R]], error: BaseException) -> None:
    """Fails what is still open."""
    for pending in batch:
        if pending.open:
            pending.fail(error if isinstance(error, Exception) else Unavailable("the service is stopping; try again"))
