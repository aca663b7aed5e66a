"""The containers of the suite under test, where it runs in containers: told by `make compose-test` in variables."""

import os
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

from patience import eventually

PROJECT, COMMAND, SCALE = "ESHOP_COMPOSE_PROJECT", "ESHOP_COMPOSE_COMMAND", "ESHOP_COMPOSE_SCALE"
PORT_TAKEN = "address already in use"
BACK_WITHIN = 120.0


@dataclass(frozen=True)
class ComposeProject:
    """`command` is everything before the verb; `scale` the words that say how many there are of what."""

    name: str
    command: list[str]
    scale: list[str]

    def up(self) -> None:
        ended = self._compose("up", "-d", "--no-build", *self.scale)
        if PORT_TAKEN in ended.stderr:  # by a connection that was there before us, and ends
            ended = self._compose("up", "-d", "--no-build", *self.scale)
        assert ended.returncode == 0, ended.stderr

    def down(self) -> None:
        ended = self._compose("down")
        assert ended.returncode == 0, ended.stderr

    def _compose(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*self.command, *words], capture_output=True, text=True, check=False)

    def containers(self, service: str) -> list[str]:
        """Ids of the running containers of a service."""
        label = "--filter=label=com.docker.compose"
        asked = ["docker", "ps", "-q", f"{label}.project={self.name}", f"{label}.service={service}"]
        return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.split()

    def count(self, service: str) -> int:
        """How many of a service there are to be."""
        return next((int(word.partition("=")[2]) for word in self.scale if word.startswith(f"{service}=")), 1)

    async def killed_and_back(self, container: str) -> None:
        """Kills the first process of a container, as the machine's own troubles would; waits until it is healthy."""
        before = self.restarts(container)
        os.kill(int(inspect(container, "{{.State.Pid}}")), signal.SIGKILL)
        await eventually(lambda: self.restarts(container) > before, within=BACK_WITHIN, every=0.5)
        await eventually(lambda: self.healthy(container), within=BACK_WITHIN, every=0.5)

    def restarts(self, container: str) -> int:
        return int(inspect(container, "{{.RestartCount}}"))

    def healthy(self, container: str) -> bool:
        return inspect(container, "{{.State.Health.Status}}") == "healthy"

    def published(self, container: str, port: int) -> str:
        """host:port at which the host reaches a port of the container."""
        asked = ["docker", "port", container, f"{port}/tcp"]
        return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.split()[0]


def inspect(container: str, form: str) -> str:
    asked = ["docker", "inspect", "--format", form, container]
    return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()


def told(env: Mapping[str, str] = os.environ) -> ComposeProject | None:
    """The project that the variables name, if there is one."""
    if not (name := env.get(PROJECT)):
        return None
    return ComposeProject(name, env[COMMAND].splitlines(), env[SCALE].splitlines())
