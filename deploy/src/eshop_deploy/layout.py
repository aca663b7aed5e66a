"""Where things lie: the checkout, the one ignored state folder, the tools in it, a folder for each stack."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

from eshop_deploy.failures import BadSetting


def project_root() -> Path:
    """The checkout this package is installed from: what DTM and Kafka are had by lies there."""
    for folder in (*Path(__file__).resolve().parents, Path.cwd(), *Path.cwd().parents):
        if (folder / "deploy" / "dtm" / "build.sh").is_file():
            return folder
    raise BadSetting("The eshop checkout was not found", "Run the command inside it")


def code_version() -> str:
    """Changes with this tool's own code."""
    digest = hashlib.sha256()
    for file in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def state_dir() -> Path:
    return Path(os.environ.get("ESHOP_STATE_DIR") or project_root() / ".eshop").resolve()


def tools_dir() -> Path:
    """Built and downloaded tools; clones may share one through ESHOP_TOOLS_DIR."""
    return Path(os.environ.get("ESHOP_TOOLS_DIR") or state_dir() / "tools").resolve()


@dataclass(frozen=True)
class StackDir:
    """One stack's folder. Nothing outside it is written while the stack runs."""

    path: Path

    @classmethod
    def named(cls, name: str) -> StackDir:
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,30}", name):
            raise BadSetting(f"{name!r} can't name a stack", "Use a-z, 0-9 and -, at most 31 characters")
        return cls(state_dir() / "stacks" / name)

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def env_file(self) -> Path:
        """All ESHOP_ variables of the stack as KEY=VALUE lines; its services get them, tests read them."""
        return self.path / "env"

    @property
    def secret_file(self) -> Path:
        """What signs the stack's order ids and queue messages; it goes with the data."""
        return self.path / "data" / "order-id-key"

    @property
    def plan_file(self) -> Path:
        return self.path / "plan.json"

    @property
    def status_file(self) -> Path:
        return self.path / "status.json"

    @property
    def supervisor_record(self) -> Path:
        return self.path / "pids" / "supervisor.json"

    def data(self, part: str) -> Path:
        return self.path / "data" / part

    def config(self, part: str) -> Path:
        return self.path / "config" / part

    def log(self, part: str) -> Path:
        return self.path / "logs" / f"{part}.log"

    def record(self, part: str) -> Path:
        return self.path / "pids" / f"{part}.json"

    def make(self) -> None:
        for folder in ("data", "config", "logs", "pids"):
            (self.path / folder).mkdir(parents=True, exist_ok=True)
        self.path.chmod(0o700)  # the configuration holds passwords
