"""The images: stand-ins for those that would be pulled, made of Debian packages, and the suite's own."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from eshop_deploy.compose_test.own_engine import log_file
from eshop_deploy.layout import project_root, state_dir, tools_dir
from eshop_deploy.progress import step
from eshop_deploy.tools import java, k6, running

# What the compose file calls an image, and the stand-in for it.
STAND_INS = {
    "MYSQL_IMAGE": "mysql",
    "REDIS_IMAGE": "redis",
    "KAFKA_IMAGE": "kafka",
    "K6_IMAGE": "k6",
    "PYTHON_IMAGE": "python",
    "GO_IMAGE": "go",
}


def recipes() -> Path:
    return project_root() / "deploy" / "containers" / "standins"


def stand_in(name: str) -> str:
    """An image's name; its tag changes with what it is made from."""
    digest = hashlib.sha256((recipes() / "debian.sh").read_bytes())
    for file in sorted(recipes().glob(f"{name}.*")):
        digest.update(file.read_bytes())
    return f"eshop-standin/{name}:{digest.hexdigest()[:12]}"


def settings() -> dict[str, str]:
    """The settings that make the compose file use the stand-ins."""
    return {variable: stand_in(name) for variable, name in STAND_INS.items()}


def build_stand_ins(env: Mapping[str, str]) -> None:
    """Builds those that the engine doesn't have."""
    absent = [name for name in STAND_INS.values() if not _present(stand_in(name), env)]
    if not absent:
        return
    if not _present(stand_in("debian"), env):
        with step("Debian, by debootstrap"):
            running.run([str(recipes() / "debian.sh"), stand_in("debian")], log_file(), "debootstrap", env)
    for name in absent:
        with step(f"Stand-in for {name}"), tempfile.TemporaryDirectory() as context:
            _fill(name, Path(context))
            _build(name, context, env)


def _present(image: str, env: Mapping[str, str]) -> bool:
    asked = ["docker", "image", "inspect", image]
    return subprocess.run(asked, env=env, capture_output=True, check=False).returncode == 0


def _fill(name: str, context: Path) -> None:
    """The files that a stand-in is built from."""
    for file in recipes().glob(f"{name}.*"):
        shutil.copy(file, context)
    if name == "kafka":
        if not java.jars_ready():
            java.fetch_jars(log_file())
        shutil.copytree(tools_dir() / "kafka", context / "libs")
        shutil.copy(project_root() / "deploy" / "kafka" / "log4j2.properties", context)
    if name == "k6":
        shutil.copy(k6.binary() or k6.install(state_dir() / "setup.log"), context / "k6")


def _build(name: str, context: str, env: Mapping[str, str]) -> None:
    base = f"DEBIAN_IMAGE={stand_in('debian')}"
    argv = ["docker", "build", "--file", f"{context}/{name}.Dockerfile", "--build-arg", base]
    # The classic builder: BuildKit asks for a plugin that Debian doesn't have.
    classic = {**env, "DOCKER_BUILDKIT": "0"}
    running.run([*argv, "--tag", stand_in(name), context], log_file(), f"Building the stand-in for {name}", classic)


def sizes(env: Mapping[str, str], images: list[str]) -> dict[str, int]:
    """Bytes of each image, layers that it shares with others included."""
    told = subprocess.run(
        ["docker", "image", "inspect", "--format", "{{.Size}}", *images],  # noqa: S607
        env=env,
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(zip(images, map(int, told.stdout.split()), strict=True))
