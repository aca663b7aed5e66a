"""The stack that is measured: one of the bench's own, or one that runs already."""

from __future__ import annotations

import os
import resource
import signal
import time
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial

from eshop_deploy.stacks import (
    SERVICES,
    BringUpError,
    StackDir,
    alone,
    bring_up,
    clean,
    equip,
    install_k6,
    k6_binary,
    running,
    saved_settings,
    state_dir,
    step,
    stop,
    take_down,
)

NAME = "bench"
# 1000 would move one DTM onto the port that another stack's DTM holds; 1100 is where the tests are.
PORT_OFFSET = 2200
RESTART_SECONDS = 15.0
# The supervisor looks twice a second; until then it takes a stopped service for ready.
NOTICED_SECONDS = 1.0


@contextmanager
def own_stack(offset: int, *, keep: bool) -> Generator[StackDir]:
    """A stack that starts empty and is taken down at the end; with `keep` it stays up for the next run."""
    place = StackDir.named(NAME)
    # No setting of a shop may leak into it: only what .env says, shifted.
    for name in ("ESHOP_STACK", "ESHOP_PORT_OFFSET"):
        os.environ.pop(name, None)
    with alone(place):
        try:
            _start(place, offset, keep=keep)
            yield place
        finally:
            if not keep:
                _take_down(place)


def _start(place: StackDir, offset: int, *, keep: bool) -> None:
    equip()
    if keep:
        _stop_services(place)
    else:
        clean(place)
        place.make()
    bring_up(place, offset, "all")


def _take_down(place: StackDir) -> None:
    """A second ctrl-C would leave the rest of it running."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        take_down(place)
    finally:
        signal.signal(signal.SIGINT, before)


def _stop_services(place: StackDir) -> None:
    """Services that were kept from the last run may be of older code; the supervisor starts them again."""
    kept = [record for record in running(place) if record.name in SERVICES]
    if kept:
        with step("Restarting the services"):
            with ThreadPoolExecutor(len(kept)) as pool:
                list(pool.map(partial(stop, patience=RESTART_SECONDS), kept))
            time.sleep(NOTICED_SECONDS)


def named_stack(name: str) -> StackDir:
    """A stack that somebody else started."""
    place = StackDir.named(name)
    if not place.env_file.is_file() or not running(place):
        raise BringUpError(f"Stack {name} is not running", "Run: make up")
    saved_settings(place)
    return place


def k6_program() -> str:
    with step("Looking for k6"):
        return k6_binary() or str(install_k6(state_dir() / "setup.log"))


def allow_open_files() -> int:
    """As many open files as this user may have, for k6 and for whatever is started from here; returns how many."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return most
