"""Load by k6: from its container, and from the host by the command lines of the README at their full size."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from eshop_deploy.compose_test.own_engine import log_file
from eshop_deploy.compose_test.suite import Suite
from eshop_deploy.failures import PartFailed
from eshop_deploy.layout import project_root, state_dir
from eshop_deploy.progress import console, step
from eshop_deploy.tools import k6

IN_CONTAINER = ("run", "--quiet", "--vus", "50", "--duration", "5s", "/scripts/flashSale.js")
_LINE = re.compile(r"^((?:[A-Z]+=\S+ )*)k6 (run .*test/k6/\w+\.js)$", re.MULTILINE)
# How answers were counted, out of k6's summary.
_COUNT = re.compile(
    r"^ *(confirmed|accepted|running|listed|sold_out|refused|busy|wrong|failures|iterations)\.*: (\d+)", re.MULTILINE
)


@dataclass(frozen=True)
class CommandLine:
    """A call of k6: what stands before it, and its words."""

    settings: dict[str, str]
    words: Sequence[str]

    def __str__(self) -> str:
        return " ".join([*(f"{name}={value}" for name, value in self.settings.items()), "k6", *self.words])


def binary() -> str:
    return str(k6.binary() or k6.install(state_dir() / "setup.log"))


def from_container(suite: Suite) -> None:
    _show(suite.output("--profile", "load", "run", "--rm", "-T", "k6", *IN_CONTAINER))


def command_lines(readme: str) -> list[CommandLine]:
    """Those that the README tells people to try."""
    return [
        CommandLine(dict(word.split("=", 1) for word in settings.split()), shlex.split(words))
        for settings, words in _LINE.findall(readme)
    ]


def from_host(gateway: str) -> None:
    """Raises PartFailed where k6 saw a failure or a wrong answer."""
    for line in command_lines(Path(project_root() / "README.md").read_text()):
        with step(str(line)):
            env = {**os.environ, **line.settings, "BASE_URL": f"http://{gateway}", "K6_NO_USAGE_REPORT": "true"}
            argv = [binary(), *line.words, "--quiet", "--no-color", "--address", ""]
            ended = subprocess.run(argv, cwd=project_root(), env=env, capture_output=True, text=True, check=False)
            with log_file().open("a") as log:
                log.write(f"\n$ {line}\n{ended.stdout}{ended.stderr}")
            _show(ended.stdout)
            if ended.returncode:
                raise PartFailed(f"k6 ended with {ended.returncode}", f"What it said is in {log_file()}")


def _show(summary: str) -> None:
    console.print(f"    {', '.join(f'{name} {count}' for name, count in _COUNT.findall(summary))}")
