"""`make audit`: asks PyPI which versions of the lock have a known vulnerability. Nothing is passed that was not asked.

Exit code 0: none has one. 1: some have; each is named, with the version that mends it. 2: could not be found out.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

# What is installed with the suite; tools for development are not.
EXPORT = ("export", "--quiet", "--frozen", "--all-packages", "--no-dev", "--no-emit-workspace", "--no-hashes")
AUDIT = ("pip-audit", "--disable-pip", "--no-deps", "--progress-spinner", "off", "--format", "json", "--requirement")


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        wanted = Path(folder) / "requirements.txt"
        subprocess.run([os.environ.get("UV", "uv"), *EXPORT, "--output-file", wanted], stdout=2, check=True)
        asked = subprocess.run([*AUDIT, wanted], capture_output=True, text=True, check=False)
    try:
        packages: list[dict[str, Any]] = json.loads(asked.stdout)["dependencies"]
    except (ValueError, KeyError):
        last = (asked.stderr.strip() or "pip-audit said nothing").splitlines()[-1]
        print(f"!!  Nothing was audited, PyPI could not be asked: {last}")
        return 2
    return judged(packages)


def judged(packages: list[dict[str, Any]]) -> int:
    """Prints what pip-audit found about each package; returns the exit code."""
    skipped = [package["name"] for package in packages if "skip_reason" in package]
    found = [(package, flaw) for package in packages for flaw in package.get("vulns", [])]
    for package, flaw in found:
        mended = ", ".join(flaw["fix_versions"]) or "no version yet"
        print(f"!!  {package['name']} {package['version']}: {flaw['id']}, mended in {mended}")
    if skipped or not packages:
        print(
            f"!!  {len(skipped)} of {len(packages)} packages were not audited: no answer of PyPI about them, as behind"
            " a mirror that only hands out files. Run it where pypi.org can be reached"
        )
    if found:
        return 1
    if skipped or not packages:
        return 2
    print(f"ok  {len(packages)} packages, no known vulnerability")
    return 0


if __name__ == "__main__":
    sys.exit(main())
