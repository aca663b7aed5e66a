"""`make release VERSION=0.3.0`: one version for every distribution and image, and the changes under its name.

Before a release the version ends in .dev0: what is built from the checkout is told apart from what was released.
"""

from __future__ import annotations

import datetime
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
IMAGES = ROOT / "deploy" / "kubernetes" / "base" / "kustomization.yaml"
CHANGELOG = ROOT / "CHANGELOG.md"
UNRELEASED = "## [Unreleased]\n"
VERSION = re.compile(r"\d+\.\d+\.\d+(\.dev0)?")


def main(version: str) -> None:
    if not VERSION.fullmatch(version):
        sys.exit("!!  VERSION is three numbers, as in 0.3.0, or 0.3.0.dev0 for what comes before it")
    for file in projects():
        _replace(file, r'^version = ".*"$', f'version = "{version}"')
    _replace(IMAGES, r"newTag: \S+}", f"newTag: {version}}}")
    released = not version.endswith(".dev0")
    if released:
        today = datetime.datetime.now(datetime.UTC).date()
        _replace(CHANGELOG, re.escape(UNRELEASED), f"{UNRELEASED}\n## [{version}] - {today}\n")
    subprocess.run([ROOT / "deploy" / "uv.sh", "lock", "--quiet"], check=True)
    tag = f" and tag it v{version}" if released else ""
    print(f"ok  Everything is {version}; look at `git diff`, then commit it{tag}")


def projects() -> list[Path]:
    """The pyproject.toml of the workspace and of each distribution in it."""
    return sorted([*ROOT.glob("pyproject.toml"), *ROOT.glob("*/pyproject.toml"), *ROOT.glob("libs/*/pyproject.toml")])


def _replace(file: Path, pattern: str, text: str) -> None:
    changed, count = re.subn(pattern, lambda _: text, file.read_text(), flags=re.MULTILINE)
    if not count:
        sys.exit(f"!!  {file.relative_to(ROOT)} has no line like {pattern}")
    file.write_text(changed)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "")
