"""A process that dies while it waits for something."""

import types
from collections.abc import Coroutine, Generator
from contextlib import suppress
from typing import Any

_dead: list[Coroutine[Any, Any, Any]] = []


@types.coroutine
def dies_at(work: Coroutine[Any, Any, Any], moment: int) -> Generator[Any, None, bool]:
    """Runs `work` until it waits for the `moment`-th time (counted from 1) and leaves it there, as a kill would: no
    `except` and no `finally` of it runs.

    Returns False when it came to its end before. What `work` had asked others to do goes on without it.
    """
    error: BaseException | None = None
    for last in [False] * (moment - 1) + [True]:
        try:
            waited_for = work.send(None) if error is None else work.throw(error)
        except StopIteration:
            return False
        if not last:
            try:
                error = yield waited_for
            except BaseException as raised:  # what it waited for failed
                error = raised
    _dead.append(work)
    return True


def bury() -> None:
    """Ends, at the end of a test, what died in it: Python would complain of coroutines that just vanish."""
    while _dead:
        work = _dead.pop()
        with suppress(_BuriedError, StopIteration, RuntimeError):  # its event loop may be gone
            for _ in range(100):
                work.throw(_BuriedError)


class _BuriedError(BaseException):
    pass
