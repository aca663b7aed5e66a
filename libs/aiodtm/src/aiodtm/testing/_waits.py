"""Waits that only a real network makes necessary."""

from collections.abc import Generator
from contextlib import contextmanager

from aiodtm import _submitting


@contextmanager
def short_waits(seconds: float = 0.02) -> Generator[None]:
    """Has `submit` trust a denial of DTM after so many seconds, where a Submit may be late on a network for 3 s."""
    before = _submitting.AFTER_LOST_CONNECTION, _submitting.AFTER_TIMEOUT
    _submitting.AFTER_LOST_CONNECTION = _submitting.AFTER_TIMEOUT = seconds
    try:
        yield
    finally:
        _submitting.AFTER_LOST_CONNECTION, _submitting.AFTER_TIMEOUT = before
