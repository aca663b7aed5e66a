"""Identical reads that arrive together run once: calls that arrive while one runs share the next.

A call never joins a run that began before it arrived, so nobody is told what was true only before it asked. A call
that finds nothing running begins at once, unless its list takes `Turns` with others and sharing pays at the moment.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Hashable
from contextlib import asynccontextmanager, nullcontext
from functools import partial
from typing import Generic, TypeVar

from prometheus_client import Counter

from eshop_chassis.calls.coalescer import MOST_WAITING, BusyError
from protoc_gen_fastapi.runtime import Unavailable

R = TypeVar("R")
Read = Callable[[], Awaitable[R]]
TURN_SECONDS = 0.02
# Waiting for a turn pays once a run answers at least this many calls on average.
WORTH_A_WAIT = 2.0

_RUNS = Counter("eshop_shared_reads_total", "Reads that were run", ["read"])
_CALLS = Counter("eshop_shared_calls_total", "Calls that those reads answered", ["read"])
_SHED = Counter("eshop_shared_shed_total", "Calls refused because too many were waiting", ["read"])


class _Group(Generic[R]):
    """The calls that one run answers. `task` is that run, once it has begun."""

    __slots__ = ("_callers", "_gone", "read", "task")

    def __init__(self, read: Read[R]) -> None:
        self.read = read
        self.task: asyncio.Task[None] | None = None
        self._callers: list[asyncio.Future[R]] = []
        self._gone = 0

    def __len__(self) -> int:
        return len(self._callers)

    @property
    def deserted(self) -> bool:
        """True when no caller waits for it any more."""
        return self._gone == len(self._callers)

    async def join(self) -> R:
        """Waits for the answer. The last one who goes away stops the run."""
        answer: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._callers.append(answer)
        try:
            return await answer
        except asyncio.CancelledError:
            self._gone += 1
            if self.deserted and self.task is not None:
                self.task.cancel()
            raise

    def resolve(self, result: R) -> None:
        for answer in self._callers:
            if not answer.done():
                answer.set_result(result)

    def fail(self, error: Exception) -> None:
        for answer in self._callers:
            if not answer.done():
                answer.set_exception(error)


class Turns:
    """Lets at most `most` runs of several SharedReads begin at a time, as long as runs answer several calls each.

    Whoever waits for a turn is joined by more calls meanwhile, so the same calls take fewer runs. A turn ends with its
    run, or after `seconds`: a slow service holds up the lists of no other.
    """

    def __init__(self, most: int, seconds: float = TURN_SECONDS) -> None:
        self._free = most
        self._seconds = seconds
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._calls_of_a_run = 1.0

    @asynccontextmanager
    async def turn(self) -> AsyncGenerator[None]:
        """Waits for a turn and holds it while the body runs."""
        if self._calls_of_a_run < WORTH_A_WAIT:
            yield
            return
        await self._take()
        given_back = asyncio.get_running_loop().call_later(self._seconds, self._give_back)
        try:
            yield
        finally:
            if given_back.when() > asyncio.get_running_loop().time():  # otherwise it has been, or is about to be
                given_back.cancel()
                self._give_back()

    def answered(self, calls: int) -> None:
        """Notes how many calls a run answers."""
        self._calls_of_a_run += (calls - self._calls_of_a_run) / 16

    async def _take(self) -> None:
        if self._free:
            self._free -= 1
            return
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(mine)
        try:
            await mine
        except asyncio.CancelledError:
            if not mine.cancelled():  # the turn had come
                self._give_back()
            raise

    def _give_back(self) -> None:
        while self._waiting:
            if not (next_one := self._waiting.popleft()).done():
                next_one.set_result(None)
                return
        self._free += 1


class SharedReads(Generic[R]):
    """Runs reads, one at a time for each key. All that share a run get its result, which none of them may change, or
    its error.

    Beyond `max_waiting` calls, whatever their keys, BusyError is raised at once. `turns` may be shared with others.
    """

    def __init__(self, name: str, *, max_waiting: int = MOST_WAITING, turns: Turns | None = None) -> None:
        self._turns = turns
        self._forming: dict[Hashable, _Group[R]] = {}
        self._running: dict[Hashable, asyncio.Task[None]] = {}
        self._max_waiting = max_waiting
        self._waiting = 0
        self._runs, self._calls, self._shed = _RUNS.labels(name), _CALLS.labels(name), _SHED.labels(name)

    @property
    def idle(self) -> bool:
        """True while nothing waits or runs."""
        return not self._forming and not self._running

    async def __call__(self, key: Hashable, read: Read[R]) -> R:
        """Returns what `read`, or that of another call with an equal key, finds from now on.

        `read` runs in a task of its own, in the context of the call that came first: a caller that is cancelled harms
        no other. A run that nobody waits for any more is cancelled, so that the next can begin.
        """
        if self._waiting >= self._max_waiting:
            self._shed.inc()
            raise BusyError("too many requests are waiting; try again in a moment")
        group = self._forming.get(key)
        if group is None:
            group = self._forming[key] = _Group(read)
            if key not in self._running:
                self._start(key)
        self._waiting += 1
        try:
            return await group.join()
        finally:
            self._waiting -= 1

    def _start(self, key: Hashable) -> None:
        task = self._running[key] = asyncio.create_task(self._run(key))
        task.add_done_callback(partial(self._ended, key))

    def _ended(self, key: Hashable, task: "asyncio.Task[None]") -> None:
        """The next group's turn, unless the process is ending: then nothing may begin."""
        del self._running[key]
        if key not in self._forming:
            return
        if task.cancelled():
            self._forming.pop(key).fail(_stopping())
        else:
            self._start(key)

    async def _run(self, key: Hashable) -> None:
        async with nullcontext() if self._turns is None else self._turns.turn():
            await self._answer(key)

    async def _answer(self, key: Hashable) -> None:
        group = self._forming.pop(key)  # who comes from here on forms the next group
        if group.deserted:
            return
        group.task = asyncio.current_task()
        self._runs.inc()
        self._calls.inc(len(group))
        if self._turns is not None:
            self._turns.answered(len(group))
        try:
            group.resolve(await group.read())
        except Exception as error:  # every caller's error, whatever it is
            group.fail(error)
        except asyncio.CancelledError:
            if not group.deserted:
                group.fail(_stopping())
                raise


def _stopping() -> Unavailable:
    return Unavailable("the service is stopping; try again")
