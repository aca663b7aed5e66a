"""Named points in the code at which a fault test lets this process die.

Off unless ESHOP_CRASH_POINTS names a folder. A point is armed by an empty file there, named service.point, as in
"stock.after_commit.action": the first process to pass it removes the file and ends itself with SIGKILL, so that the
next one lives. docs/faults.md lists the points.
"""

import os
import signal
from contextlib import suppress
from pathlib import Path

_armed_by: str | None = None


def switch_on(service: str, folder: str) -> None:
    """Makes this process, which is `service`, look into `folder` at every point; "" switches them off."""
    global _armed_by  # noqa: PLW0603 - of the process, as its death is
    _armed_by = os.path.join(folder, service) if folder else None


def crash_point(point: str, detail: str = "") -> None:
    """Dies here if this point is armed. `detail` tells apart what passes the same point, as an operation does."""
    if _armed_by is not None:
        _die_if_armed(f"{_armed_by}.{point}.{detail}" if detail else f"{_armed_by}.{point}")


def _die_if_armed(path: str) -> None:
    with suppress(FileNotFoundError):
        Path(path).unlink()  # only one process gets to do this
        os.kill(os.getpid(), signal.SIGKILL)
