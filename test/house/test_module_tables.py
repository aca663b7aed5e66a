"""A README's table of modules is complete, and names nothing that is gone."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# The table begins with one of these headings; a room is a folder, named instead of the modules in it.
TABLE = re.compile(r"^\| (?:module|room)[^|]*\|.*\n\|[-|]+\n(?P<rows>(?:\|.*\n)+)", re.MULTILINE)
READMES = sorted(
    readme for readme in (*ROOT.glob("*/README.md"), *ROOT.glob("libs/*/README.md")) if TABLE.search(readme.read_text())
)


def named(readme: Path) -> set[str]:
    """What the first column of all such tables names, without .py and /."""
    rows = "".join(table["rows"] for table in TABLE.finditer(readme.read_text()))
    first_cells = (row.split("|")[1] for row in rows.splitlines())
    return {name.removesuffix(".py").rstrip("/") for cell in first_cells for name in re.findall(r"`([^`]+)`", cell)}


def modules_and_rooms(package: Path) -> set[str]:
    """The public modules and folders at the top of a package."""
    found = {path.stem for path in package.glob("*.py")} | {path.parent.name for path in package.glob("*/__init__.py")}
    return {name for name in found if not name.startswith("_")}


def test_there_are_such_tables() -> None:
    assert {readme.parent.name for readme in READMES} >= {"chassis", "deploy"}


@pytest.mark.parametrize("readme", READMES, ids=lambda readme: readme.parent.name)
def test_every_public_module_or_room_is_in_the_table(readme: Path) -> None:
    (package,) = (init.parent for init in readme.parent.glob("src/*/__init__.py"))
    there = modules_and_rooms(package)
    assert sorted(there - named(readme)) == [], "not in the table"
    assert sorted(named(readme) - there) == [], "in the table, but gone"
