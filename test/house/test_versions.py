"""One version: every distribution and every image bear the one that the change log tells."""

import re
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECTS = sorted([*ROOT.glob("pyproject.toml"), *ROOT.glob("*/pyproject.toml"), *ROOT.glob("libs/*/pyproject.toml")])
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
CHANGES = (ROOT / "CHANGELOG.md").read_text()


def numbers(told: str) -> tuple[int, ...]:
    return tuple(map(int, told.removesuffix(".dev0").split(".")))


@pytest.mark.parametrize("file", PROJECTS, ids=lambda file: str(file.parent.relative_to(ROOT)))
def test_every_distribution_has_the_version_of_the_suite(file: Path) -> None:
    project = tomllib.loads(file.read_text())["project"]
    assert project["version"] == VERSION
    if project["name"] != "eshop":
        assert version(project["name"]) == VERSION, "the environment is stale: make bootstrap"


def test_every_image_of_the_manifests_has_it() -> None:
    text = (ROOT / "deploy" / "kubernetes" / "base" / "kustomization.yaml").read_text()
    assert set(re.findall(r"newTag: ([\w.]+)", text)) == {VERSION}


def test_it_is_the_newest_release_or_while_changes_wait_what_comes_after_it() -> None:
    newest = re.findall(r"^## \[(\d+\.\d+\.\d+)\] - \d{4}-\d\d-\d\d$", CHANGES, re.MULTILINE)[0]
    waiting = re.findall(r"^- ", CHANGES.partition("## [Unreleased]")[2].partition("\n## [")[0], re.MULTILINE)
    if waiting:
        assert VERSION.endswith(".dev0")
        assert numbers(VERSION) > numbers(newest)
    else:
        assert newest == VERSION
