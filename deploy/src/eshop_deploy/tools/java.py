"""Kafka's jars, by Maven, and the Java that runs them."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

from eshop_deploy.failures import MissingTool
from eshop_deploy.layout import project_root, tools_dir
from eshop_deploy.tools import debian, running

OLDEST = 17


def java() -> str:
    found = debian.find("java")
    if found is None:
        raise MissingTool("Java is not installed", "Run: apt-get install openjdk-17-jre-headless")
    return found


@cache
def version(binary: str) -> int:
    """The major version that `java -version` tells, 0 when it tells none."""
    told = subprocess.run([binary, "-version"], capture_output=True, text=True, check=False).stderr
    number = re.search(r'version "(\d+)', told)
    return int(number.group(1)) if number else 0


def pom() -> Path:
    return project_root() / "deploy" / "kafka" / "pom.xml"


def wanted() -> list[str]:
    """Packages to ask for: a Java if there is none that will do, Maven only while the jars are not there."""
    found = debian.find("java")
    packages = [] if found and version(found) >= OLDEST else ["openjdk-17-jre-headless"]
    return packages if jars_ready() or debian.find("mvn") else [*packages, "maven"]


def _stamp() -> Path:
    return tools_dir() / "kafka" / "pom.sha256"


def _wanted_stamp() -> str:
    return hashlib.sha256(pom().read_bytes()).hexdigest()


def jars_ready() -> bool:
    return _stamp().is_file() and _stamp().read_text() == _wanted_stamp()


def fetch_jars(log: Path) -> None:
    """Into a folder beside, moved into place when whole."""
    place = tools_dir() / "kafka"
    fresh = place.with_name("kafka.new")
    shutil.rmtree(fresh, ignore_errors=True)
    goal = ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={fresh}"]
    argv = [debian.find("mvn") or "mvn", "-B", "-ntp", "-q", "-f", str(pom()), *goal]
    running.run(argv, log, "Fetching Kafka with Maven")
    (fresh / _stamp().name).write_text(_wanted_stamp())
    shutil.rmtree(place, ignore_errors=True)
    fresh.rename(place)
