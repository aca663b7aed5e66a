"""Readiness: what a service needs before it can serve, asked again and again, and told in one line when it changes."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Mapping

import grpc

from eshop_chassis.logs import get_logger

Check = Callable[[], Awaitable[None]]
log = get_logger(__name__)

RETRY_SECONDS = 0.5
WATCH_SECONDS = 2.0
CHECK_LIMIT = 3.0
TELL_AGAIN_SECONDS = 60.0
MAX_REASON = 300


class MissingError(Exception):
    """A part that a service needs is missing. Its text says which, why, and what to set."""


class Readiness:
    """Knows what is missing. `missing` maps the name of a check to why it fails; empty means ready.

    `neglected` does so for duties: work that has to go on. A service that neglects one is told of, and still called.
    """

    def __init__(
        self,
        checks: Mapping[str, Check],
        on_change: Callable[[bool], Awaitable[None]],
        duties: Mapping[str, Check] | None = None,
    ) -> None:
        self._checks = dict(checks)
        self._duties = dict(duties or {})
        self._on_change = on_change
        self.missing: dict[str, str] = dict.fromkeys(checks, "not asked yet")
        self.neglected: dict[str, str] = {}
        self.draining = False
        self._told: tuple[set[str], float] | None = None
        self._since = time.monotonic()

    @property
    def ready(self) -> bool:
        return not self.missing and not self.draining

    async def watch(self) -> None:
        """Asks all checks for ever: often while something is missing, seldom when all is well."""
        while True:
            await self._ask_all()
            await asyncio.sleep(RETRY_SECONDS if self.missing else WATCH_SECONDS)

    def drain(self) -> None:
        """Says not ready from now on, because the process is about to stop."""
        self.draining = True

    async def _ask_all(self) -> None:
        self.missing = await find_missing(self._checks)
        neglected = await find_missing(self._duties)
        if neglected.keys() != self.neglected.keys():
            log.warning("work stands still" if neglected else "work goes on", duties=neglected or self.neglected)
        self.neglected = neglected
        if self.draining:
            return
        changed = self._told is None or bool(self._told[0]) != bool(self.missing)
        self._tell()
        if changed:
            await self._on_change(not self.missing)

    def _tell(self) -> None:
        """One line when the parts that are missing change, and now and then while one stays away."""
        names, now = set(self.missing), time.monotonic()
        if self._told is not None and self._told[0] == names and (not names or now < self._told[1]):
            return
        self._told = (names, now + TELL_AGAIN_SECONDS)
        if names:
            log.warning("not ready, keeps trying", missing=dict(self.missing))
        else:
            log.info("ready", seconds=round(now - self._since, 2))


async def find_missing(checks: Mapping[str, Check]) -> dict[str, str]:
    """Makes all checks at the same time; returns why some failed, by their names."""
    problems = await asyncio.gather(*(_ask(check) for check in checks.values()))
    return {name: p for name, p in zip(checks, problems, strict=True) if p}


async def _ask(check: Check) -> str | None:
    try:
        async with asyncio.timeout(CHECK_LIMIT):
            await check()
    except TimeoutError:
        return f"no answer within {CHECK_LIMIT:g} s"
    except Exception as error:
        return describe(error)
    return None


def describe(error: BaseException) -> str:
    """The innermost cause of `error` in one short line; where somebody wrote a text for people, that."""
    while error.__cause__ is not None and not isinstance(error, MissingError):
        error = error.__cause__
    return (" ".join(_text_of(error).split()) or type(error).__name__)[:MAX_REASON]


def _text_of(error: BaseException) -> str:
    if isinstance(error, grpc.aio.AioRpcError):
        return error.details() or ""
    if isinstance(error, ConnectionError) and error.errno:
        return os.strerror(error.errno)  # event loops word it differently
    return str(error)
