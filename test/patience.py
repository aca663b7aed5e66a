"""Waiting for what is bound to come, and saying what came instead."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

T = TypeVar("T")


async def eventually(
    look: Callable[[], T | Awaitable[T | None] | None], *, within: float = 10.0, every: float = 0.05
) -> T:
    """Looks until the answer is truthy and returns it. Fails, with the last answer, when the time is over."""
    deadline = time.monotonic() + within
    while True:
        answer: Any = look()
        if inspect.isawaitable(answer):
            answer = await answer
        if answer:
            return answer
        assert time.monotonic() < deadline, f"still {answer!r} after {within} s: {inspect.getsource(look).strip()}"
        await asyncio.sleep(every)
