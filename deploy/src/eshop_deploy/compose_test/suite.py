"""The suite as compose runs it: one project, driven through the compose command."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eshop_deploy.compose_test.own_engine import log_file
from eshop_deploy.failures import MissingTool, PartFailed
from eshop_deploy.layout import project_root
from eshop_deploy.tools import running

# What runs to its end and stays ended.
ONE_SHOTS = ("setup", "seed")
LONGEST_SECONDS = 300.0
PORT_TAKEN = "address already in use"


@dataclass(frozen=True)
class Container:
    """One container, as the engine tells it."""

    service: str
    id: str
    pid: int
    running: bool
    exit_code: int
    health: str
    ports: Mapping[str, Any]

    @property
    def done(self) -> bool:
        """A one-shot step that ended well, or anything else that is healthy."""
        if self.service in ONE_SHOTS:
            return not self.running and self.exit_code == 0
        return self.running and self.health == "healthy"

    @property
    def state(self) -> str:
        return f"{self.service} is {self.health or 'running'}" if self.running else f"{self.service} has stopped"


@dataclass(frozen=True)
class Suite:
    """`command` is docker compose or docker-compose; `env` holds every setting."""

    command: Sequence[str]
    project: str
    env: Mapping[str, str]

    @property
    def argv(self) -> list[str]:
        """The command up to the verb. A .env of the checkout is a shop's, not this test's."""
        # Compose 1 takes a regular file only, so /dev/null will not do.
        no_settings = log_file().with_name("empty.env")
        no_settings.parent.mkdir(parents=True, exist_ok=True)
        no_settings.touch()
        return [*self.command, "-p", self.project, "-f", str(compose_file()), "--env-file", str(no_settings)]

    def version(self) -> str:
        asked = [*self.command, "version", "--short"]
        return subprocess.run(asked, env=self.env, capture_output=True, text=True, check=True).stdout.strip()

    def run(self, *words: str, what: str) -> None:
        """Runs a compose command into the log. Raises MissingTool with its last line."""
        running.run([*self.argv, *words], log_file(), what, self.env)

    def output(self, *words: str) -> str:
        """What a compose command prints; raises PartFailed where it fails."""
        ended = subprocess.run([*self.argv, *words], env=self.env, capture_output=True, text=True, check=False)
        with log_file().open("a") as log:
            log.write(f"\n$ {' '.join(words)}\n{ended.stdout}{ended.stderr}")
        if ended.returncode:
            raise PartFailed(f"{' '.join(words)} failed", f"What it said is in {log_file()}")
        return ended.stdout

    def up(self, *words: str) -> None:
        """Starts in the background and waits until everything is as it should be."""
        try:
            self.run("up", "-d", *words, what="docker compose up")
        except MissingTool:
            # Some ports are among those that the machine gives to outgoing connections; such a one is free again soon.
            if PORT_TAKEN not in log_file().read_text(errors="replace")[-2000:]:
                raise
            self.run("up", "-d", *words, what="docker compose up")
        self.await_health()

    def await_health(self) -> None:
        deadline = time.monotonic() + LONGEST_SECONDS
        while late := [container for container in self.containers() if not container.done]:
            if time.monotonic() > deadline:
                told = ", ".join(container.state for container in late)
                raise PartFailed(f"After {LONGEST_SECONDS:.0f} s: {told}", f"Logs: {' '.join(self.argv)} logs")
            time.sleep(0.5)

    def down(self, *words: str) -> None:
        self.run("down", *words, what="docker compose down")

    def containers(self, service: str = "") -> list[Container]:
        """All containers of the project, stopped ones included; of one service where it is named."""
        label = "label=com.docker.compose"
        wanted = [f"--filter={label}.service={service}"] if service else []
        ids = self._docker("ps", "-aq", f"--filter={label}.project={self.project}", *wanted).split()
        return [_container(told) for told in json.loads(self._docker("inspect", *ids))] if ids else []

    def memory(self) -> int:
        """Bytes that all containers use together, as the engine counts them."""
        ids = [container.id for container in self.containers() if container.running]
        told = self._docker("stats", "--no-stream", "--format", "{{.MemUsage}}", *ids)
        return sum(in_bytes(line.partition("/")[0].strip()) for line in told.splitlines())

    def _docker(self, *words: str) -> str:
        asked = ["docker", *words]
        return subprocess.run(asked, env=self.env, capture_output=True, text=True, check=True).stdout


def in_bytes(told: str) -> int:
    """12.5MiB as a number."""
    number = told.rstrip("KMGiB")
    unit = told.removeprefix(number).removesuffix("iB")
    return round(float(number) * 1024 ** ("B", "K", "M", "G").index(unit))


def compose_file() -> Path:
    return project_root() / "compose.yaml"


def _container(told: Mapping[str, Any]) -> Container:
    state: Mapping[str, Any] = told["State"]
    return Container(
        service=told["Config"]["Labels"]["com.docker.compose.service"],
        id=told["Id"],
        pid=state["Pid"],
        running=bool(state["Running"]) and not state["Restarting"],
        exit_code=state["ExitCode"],
        health=state.get("Health", {}).get("Status", ""),
        ports=told["NetworkSettings"]["Ports"],
    )
