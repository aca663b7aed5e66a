"""Everything the parts are made of, had before anything starts: a look at each, work where one is absent."""

from __future__ import annotations

import fcntl
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from eshop_deploy.layout import state_dir, tools_dir
from eshop_deploy.progress import step
from eshop_deploy.tools import debian, dtm, java


def equip() -> None:
    """Raises MissingTool when something can't be had."""
    if _complete():
        return
    log = state_dir() / "setup.log"
    with _alone():
        _install_packages(log)
        if not java.jars_ready():
            with step("Fetching Kafka (43 MB)"):
                java.fetch_jars(log)
        if not dtm.built():
            with step("Building DTM, once (1 to 3 minutes)"):
                dtm.build(log)


def _complete() -> bool:
    return not debian.wanted() and not java.wanted() and java.jars_ready() and dtm.built()


@contextmanager
def _alone() -> Generator[None]:
    """Clones may share the tools folder, so one at a time fills it; the others find it filled."""
    tools_dir().mkdir(parents=True, exist_ok=True)
    with (tools_dir() / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _install_packages(log: Path) -> None:
    if packages := [*debian.wanted(), *java.wanted()]:
        with step(f"Installing {', '.join(packages)} with apt"):
            debian.install(packages, log)
