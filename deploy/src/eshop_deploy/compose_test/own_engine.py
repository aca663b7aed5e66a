"""A Docker Engine of our own: its own socket and data, and nothing left of it when it has stopped."""

from __future__ import annotations

import fcntl
import os
import subprocess
import tempfile
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

from eshop_deploy.compose_test import footprint
from eshop_deploy.failures import BringUpError
from eshop_deploy.layout import state_dir
from eshop_deploy.progress import step
from eshop_deploy.tools import debian

START_SECONDS = 60.0
STOP_SECONDS = 60.0


class NoEngine(BringUpError):
    """No Docker Engine runs, and none can be started here."""


def log_file() -> Path:
    return state_dir() / "compose-test" / "setup.log"


def cache_dir() -> Path:
    """Images and layers stay in the user's cache, for other clones too."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "eshop"


def answers(env: Mapping[str, str]) -> bool:
    """Whether an engine runs where this environment points to."""
    if debian.find("docker") is None:
        return False
    asked = subprocess.run(["docker", "version"], env=env, capture_output=True, check=False)  # noqa: S607
    return asked.returncode == 0


@contextmanager
def own_engine() -> Generator[str]:
    """Yields the DOCKER_HOST of an engine that was started. Raises NoEngine where it does not start."""
    with _alone(), footprint.undone(), tempfile.TemporaryDirectory(prefix="eshop-docker-") as folder:
        host = f"unix://{folder}/socket"
        data = cache_dir() / "docker"
        daemon = _start(
            [f"--data-root={data}", f"--exec-root={folder}/exec", f"--pidfile={folder}/pid", f"--host={host}"]
        )
        try:
            with step("Starting a Docker Engine"):
                _await(daemon, host)
            yield host
        finally:
            with step("Stopping the Docker Engine"):
                _stop(daemon)
                footprint.unmount_below(Path(folder), data)


@contextmanager
def _alone() -> Generator[None]:
    """Two engines can't work on the same data, so a second test waits for the first."""
    cache_dir().mkdir(parents=True, exist_ok=True)
    with (cache_dir() / "docker.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            with step("Waiting for another test's engine to stop"):
                fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _start(options: list[str]) -> subprocess.Popen[bytes]:
    """In a session of its own, so that Ctrl-C does not reach it before the containers; it ends when we do."""
    tied = [setpriv, "--pdeathsig", "TERM"] if (setpriv := debian.find("setpriv")) else []
    with log_file().open("ab") as log:
        return subprocess.Popen(
            [*tied, debian.find("dockerd") or "dockerd", *options],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def _await(daemon: subprocess.Popen[bytes], host: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not answers({**os.environ, "DOCKER_HOST": host}):
        if daemon.poll() is not None or time.monotonic() > deadline:
            raise NoEngine("A Docker Engine can't be started here", f"dockerd's words are in {log_file()}")
        time.sleep(0.5)


def _stop(daemon: subprocess.Popen[bytes]) -> None:
    daemon.terminate()
    try:
        daemon.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        daemon.kill()
        daemon.wait()
