"""MariaDB, Redis, a JDK and Maven from Debian's packages.

The packages asked for are those that bring a program and no service: `mariadb-server` and `redis-server`
would start a server of their own and take its port. Debian's one Redis binary lies in `redis-tools` and acts
by the name it is called by.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from eshop_deploy.failures import MissingTool
from eshop_deploy.layout import tools_dir
from eshop_deploy.tools import running

MARIADB_PACKAGE = "mariadb-server-core"
REDIS_PACKAGE = "redis-tools"


def find(*names: str) -> str | None:
    """The first of these programs that is on the PATH or where Debian puts servers."""
    path = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"))
    return next((found for name in names if (found := shutil.which(name, path=path))), None)


def mariadbd() -> str:
    found = find("mariadbd")
    if found is None:
        raise MissingTool("MariaDB is not installed", f"Run: apt-get install {MARIADB_PACKAGE}")
    return found


def mariadb_share() -> Path:
    """Where the system tables' SQL lies."""
    prefix = Path(mariadbd()).resolve().parent.parent
    for folder in (prefix / "share" / "mysql", prefix / "share" / "mariadb"):
        if (folder / "mysql_system_tables.sql").is_file():
            return folder
    raise MissingTool("MariaDB's system tables are not installed", f"Run: apt-get install {MARIADB_PACKAGE}")


def mariadb_user() -> tuple[str, ...]:
    """As root MariaDB refuses to start unless told that this is meant."""
    return ("--user=root",) if os.geteuid() == 0 else ()


def redis_server() -> str:
    found = find("redis-server")
    if found is not None:
        return found
    binary = find("redis-check-rdb")
    if binary is None:
        raise MissingTool("Redis is not installed", f"Run: apt-get install {REDIS_PACKAGE}")
    link = tools_dir() / "redis-server"
    if not link.exists():
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(binary)
    return str(link)


def wanted() -> list[str]:
    """Packages whose program is absent."""
    needs = {
        MARIADB_PACKAGE: find("mariadbd"),
        REDIS_PACKAGE: find("redis-server", "redis-check-rdb"),
    }
    return [package for package, found in needs.items() if found is None]


def install(packages: list[str], log: Path) -> None:
    """Asks apt without a question being asked, as root or through a sudo that needs no password."""
    prefix = _root_prefix(packages)
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    running.run([*prefix, "apt-get", "update"], log, "apt-get update", quiet)
    install_argv = [*prefix, "apt-get", "install", "-y", "--no-install-recommends", *packages]
    running.run(install_argv, log, f"apt-get install {' '.join(packages)}", quiet)


def _root_prefix(packages: list[str]) -> list[str]:
    asked = f"apt-get install --no-install-recommends {' '.join(packages)}"
    if shutil.which("apt-get") is None:
        raise MissingTool(f"Not installed: {', '.join(packages)}", "This machine has no apt; install these by hand")
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo") and _sudo_asks_nothing():
        return ["sudo", "-n"]
    raise MissingTool(f"Not installed: {', '.join(packages)}", f"Ask for it as root: {asked}")


def _sudo_asks_nothing() -> bool:
    return subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False).returncode == 0  # noqa: S607
