"""A Docker Engine: the one that runs, or one of our own for as long as the test takes; and the compose command."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections.abc import Generator, Mapping
from contextlib import contextmanager

from eshop_deploy.compose_test.own_engine import NoEngine, answers, log_file, own_engine
from eshop_deploy.failures import MissingTool
from eshop_deploy.progress import step
from eshop_deploy.tools import debian

PACKAGES = {"dockerd": "docker.io", "docker": "docker.io", "debootstrap": "debootstrap"}


@contextmanager
def engine() -> Generator[dict[str, str]]:
    """The environment in which `docker` finds an engine. Raises NoEngine."""
    env = dict(os.environ)
    if answers(env):
        yield env
        return
    if os.geteuid() != 0:
        raise NoEngine("No Docker Engine answers, and starting one takes root")
    try:
        _install()
    except MissingTool as missing:
        raise NoEngine(missing.fact, missing.fix) from missing
    with own_engine() as host:
        yield {**env, "DOCKER_HOST": host}


def _install() -> None:
    absent = sorted({package for program, package in PACKAGES.items() if debian.find(program) is None})
    if absent:
        with step(f"Installing {', '.join(absent)} with apt"):
            debian.install(absent, log_file())


def engine_version(env: Mapping[str, str]) -> str:
    asked = ["docker", "version", "--format", "{{.Server.Version}}"]
    return subprocess.run(asked, env=env, capture_output=True, text=True, check=True).stdout.strip()


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
