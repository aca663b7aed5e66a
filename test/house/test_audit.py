"""What nobody could ask about does not count as sound."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[2] / "deploy" / "ci" / "audit.py"
_spec = importlib.util.spec_from_file_location("audit", SCRIPT)
assert _spec
assert _spec.loader
audit = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(audit)

SOUND = {"name": "idna", "version": "3.20", "vulns": []}
FLAWED = {"name": "idna", "version": "3.6", "vulns": [{"id": "PYSEC-2024-60", "fix_versions": ["3.7"]}]}
UNKNOWN = {"name": "idna", "skip_reason": "Dependency not found on PyPI and could not be audited: idna (3.20)"}


@pytest.mark.parametrize(
    ("packages", "code", "told"),
    [
        ([SOUND], 0, "1 packages, no known vulnerability"),
        ([SOUND, FLAWED], 1, "idna 3.6: PYSEC-2024-60, mended in 3.7"),
        ([SOUND, UNKNOWN], 2, "1 of 2 packages were not audited"),
        ([FLAWED, UNKNOWN], 1, "1 of 2 packages were not audited"),
        ([], 2, "0 of 0 packages were not audited"),
    ],
)
def test_only_packages_that_were_asked_about_are_sound(
    capsys: pytest.CaptureFixture[str], packages: list[dict[str, Any]], code: int, told: str
) -> None:
    assert audit.judged(packages) == code
    assert told in capsys.readouterr().out
