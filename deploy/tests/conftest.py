"""Fixtures of the bring-up's tests: a stack folder of its own, and free ports. No real part is started."""

from __future__ import annotations

import contextlib
import gc
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from eshop_deploy import process
from eshop_deploy.layout import StackDir


@pytest.fixture
def stack(tmp_path: Path) -> StackDir:
    place = StackDir(tmp_path / "stacks" / "trial")
    place.make()
    return place


@pytest.fixture
def left_behind(stack: StackDir) -> Iterator[None]:
    """Ends what a keeper leaves running, and the Popen objects of it while their warning is still ignored."""
    yield
    for record in process.strays(stack):
        process.stop(record, 0.1)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(record.pid, 0)
    gc.collect()


@pytest.fixture
def free_port() -> int:
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return int(trial.getsockname()[1])
