"""A Docker Engine: the one that runs, or one of our own for as long as the test takes."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import tempfile
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

from eshop_deploy.failures import BringUpError, MissingTool
from eshop_deploy.layout import state_dir
from eshop_deploy.progress import step
from eshop_deploy.tools import debian

PACKAGES = {"dockerd": "docker.io", "docker": "docker.io", "debootstrap": "debootstrap"}
START_SECONDS = 60.0
STOP_SECONDS = 60.0


class NoEngine(BringUpError):
    """No Docker Engine runs, and none can be started here."""


def log_file() -> Path:
    return state_dir() / "compose-test" / "setup.log"


def docker_answers(env: Mapping[str, str]) -> bool:
    if debian.find("docker") is None:
        return False
    asked = subprocess.run(["docker", "version"], env=env, capture_output=True, check=False)  # noqa: S607
    return asked.returncode == 0


@contextmanager
def engine() -> Generator[dict[str, str]]:
    """The environment in which `docker` finds an engine. Raises NoEngine."""
    env = dict(os.environ)
    if docker_answers(env):
        yield env
        return
    if os.geteuid() != 0:
        raise NoEngine("No Docker Engine answers, and starting one takes root")
    try:
        _install()
    except MissingTool as missing:
        raise NoEngine(missing.fact, missing.fix) from missing
    with _own_engine() as host:
        yield {**env, "DOCKER_HOST": host}


def _install() -> None:
    absent = sorted({package for program, package in PACKAGES.items() if debian.find(program) is None})
    if absent:
        with step(f"Installing {', '.join(absent)} with apt"):
            debian.install(absent, log_file())


@contextmanager
def _own_engine() -> Generator[str]:
    """Images and layers stay in the user's cache, for other clones too; everything else is gone afterwards."""
    data = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "eshop" / "docker"
    with tempfile.TemporaryDirectory(prefix="eshop-docker-") as folder, log_file().open("ab") as log:
        host = f"unix://{folder}/socket"
        options = [f"--data-root={data}", f"--exec-root={folder}/exec", f"--pidfile={folder}/pid", f"--host={host}"]
        daemon = subprocess.Popen([_dockerd(), *options], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            with step("Starting a Docker Engine"):
                _await_engine(daemon, host)
            yield host
        finally:
            daemon.terminate()
            daemon.wait(STOP_SECONDS)


def _dockerd() -> str:
    found = debian.find("dockerd")
    if found is None:
        raise NoEngine("dockerd is not installed", "Run: apt-get install docker.io")
    return found


def _await_engine(daemon: subprocess.Popen[bytes], host: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not docker_answers({**os.environ, "DOCKER_HOST": host}):
        if daemon.poll() is not None or time.monotonic() > deadline:
            raise NoEngine("A Docker Engine can't be started here", f"dockerd's words are in {log_file()}")
        time.sleep(0.5)


def compose_command(env: Mapping[str, str]) -> list[str]:
    """`docker compose` where it is installed, else docker-compose 1.29, by apt if need be; ESHOP_COMPOSE overrides."""
    if chosen := env.get("ESHOP_COMPOSE"):
        return shlex.split(chosen)
    asked = subprocess.run(["docker", "compose", "version"], env=env, capture_output=True, check=False)  # noqa: S607
    if asked.returncode == 0:
        return ["docker", "compose"]
    if shutil.which("docker-compose") is None:
        with step("Installing docker-compose with apt"):
            debian.install(["docker-compose"], log_file())
    return ["docker-compose"]
