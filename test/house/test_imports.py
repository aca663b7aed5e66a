"""The house: which code imports what. Rooms have doors, and nobody climbs through a window."""

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = {
    package.name: package
    for pattern in ("*/src/*", "libs/*/src/*")
    for package in ROOT.glob(pattern)
    if (package / "__init__.py").exists() or package.name == "eshop_protos"
}
GENERATED = ("_pb2", "_pb2_grpc", "_api")
MOST_AT_THE_ROOT = 12


def modules() -> Iterator[tuple[str, Path]]:
    """Every module of every distribution, by its dotted name; generated ones are left out."""
    for package in SOURCES.values():
        for file in package.rglob("*.py"):
            if not file.stem.endswith(GENERATED):
                parts = file.relative_to(package.parent).with_suffix("").parts
                yield ".".join(part for part in parts if part != "__init__"), file


def imports(file: Path, *, top_level: bool = False) -> Iterator[str]:
    """The modules that a file imports names from; with `top_level` only those that are imported with it."""
    tree = ast.parse(file.read_text("utf-8"))
    nodes = tree.body if top_level else ast.walk(tree)
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name if _file_of(name) else node.module for name in inner)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def _file_of(name: str) -> Path | None:
    """The file of a module of the project; None where it is none."""
    package = SOURCES.get(name.partition(".")[0])
    if package is None:
        return None
    place = package.parent.joinpath(*name.split("."))
    return next((f for f in (place.with_suffix(".py"), place / "__init__.py") if f.exists()), None)


def test_no_module_takes_part_in_a_circle_of_imports() -> None:
    graph = {
        name: {other for other in imports(file, top_level=True) if _file_of(other) and other != name}
        for name, file in modules()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"these import each other: {' <- '.join(error.args[1])}")


@pytest.mark.parametrize("name", sorted(SOURCES))
def test_other_distributions_are_entered_by_their_doors(name: str) -> None:
    """From outside, names come from packages: what their __init__ exports is public. Generated code is all public, and
    uses one module of the generator's runtime that is made for it.
    """
    climbed: list[str] = []
    for file in SOURCES[name].rglob("*.py"):
        if file.stem.endswith(GENERATED):
            continue
        own = _distribution(file)
        for imported in imports(file):
            found = _file_of(imported)
            if found is None or _distribution(found) == own or found.stem.endswith(GENERATED):
                continue
            if found.name != "__init__.py" and not _exported(imported):
                climbed.append(f"{file.relative_to(ROOT)}: {imported}")
    assert not climbed


def _exported(name: str) -> bool:
    """Whether a module is a name that its package exports."""
    package, _, leaf = name.rpartition(".")
    door = _file_of(package)
    return door is not None and f'"{leaf}"' in door.read_text("utf-8")


def _distribution(file: Path) -> Path:
    """The folder with the pyproject.toml that a file belongs to."""
    return next(folder for folder in file.parents if (folder / "pyproject.toml").exists())


def test_the_chassis_has_few_modules_at_its_root() -> None:
    found = sorted(file.name for file in SOURCES["eshop_chassis"].glob("*.py"))
    assert len(found) <= MOST_AT_THE_ROOT, found
