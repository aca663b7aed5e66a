"""Several processes of one service on the same ports, for machines with more cores than one event loop can use.

Only for services that keep nothing to themselves, as the gateway. The first process opens the HTTP port and forks; the
workers take connections from it in turn, and share the gRPC port by SO_REUSEPORT. It passes signals on, and ends with
all of them when one dies: whoever started it starts it again.
"""

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

from eshop_chassis.logs import get_logger

log = get_logger(__name__)
_STOPS = (signal.SIGTERM, signal.SIGINT)


def run_workers(count: int, work: Callable[[], int]) -> int:
    """Runs `work` in `count` processes of its own; returns an exit code, 0 where all ended with 0 after a signal.

    Nothing may have been started before: threads and connections do not live through a fork.
    """
    workers = {pid for _ in range(count) if (pid := _fork(work))}
    log.info("workers run", workers=sorted(workers))
    stopping = False

    def pass_on(number: int, _frame: FrameType | None) -> None:
        nonlocal stopping
        stopping = True
        _tell(workers, number)

    for number in _STOPS:
        signal.signal(number, pass_on)
    worst = 0
    while workers:
        pid, status = os.wait()
        code = os.waitstatus_to_exitcode(status)
        workers.discard(pid)
        if not stopping:
            log.error("a worker died; the others stop", pid=pid, code=code)
            stopping, worst = True, 1
            _tell(workers, signal.SIGTERM)
        worst = worst or int(code != 0)
    return worst


def _fork(work: Callable[[], int]) -> int:
    """The pid of a new worker; never returns in the worker itself."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        code = work()
    finally:
        os._exit(code)


def _tell(workers: set[int], number: int) -> None:
    for pid in list(workers):
        with suppress(ProcessLookupError):  # it has just ended, and is waited for
            os.kill(pid, number)
