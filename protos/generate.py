"""Generates the Python code of all protos; with --check only tells which committed files differ, and fails if any does.

Runs in the workspace's environment: python protos/generate.py
"""

import argparse
import sys
import tempfile
from importlib.resources import files
from pathlib import Path

from grpc_tools import protoc

HERE = Path(__file__).resolve().parent
SOURCE = HERE / "src"
THIRD_PARTY = HERE / "third_party"
RULES = "buf/validate/validate.proto"
GENERATED = ("_pb2.py", "_pb2.pyi", "_pb2_grpc.py", "_api.py")


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; fail when committed code differs")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        fresh = generate(Path(folder))
    stale = different(fresh)
    if arguments.check:
        for path in stale:
            sys.stderr.write(f"differs from its .proto: {path.relative_to(HERE.parent)} (run: make protos)\n")
        return 1 if stale else 0
    write(fresh, stale)
    sys.stdout.write(f"{len(fresh)} files generated, {len(stale)} changed\n")
    return 0


def generate(folder: Path) -> dict[Path, bytes]:
    """Runs protoc into `folder` and returns what each generated file must hold."""
    ours = sorted(str(p.relative_to(SOURCE)) for p in (SOURCE / "eshop_protos").rglob("*.proto"))
    standard = [f"--python_out={folder}", f"--pyi_out={folder}"]
    run([*standard, f"--grpc_python_out={folder}", f"--fastapi_out={folder}", *ours])
    run([*standard, RULES])
    return {SOURCE / p.relative_to(folder): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def run(arguments: list[str]) -> None:
    """Runs protoc. Ends the program with its message when it fails."""
    plugin = Path(sys.executable).with_name("protoc-gen-fastapi")
    well_known = files("grpc_tools") / "_proto"
    includes = [SOURCE, THIRD_PARTY, well_known]
    paths = [f"--proto_path={path}" for path in includes]
    if protoc.main(["protoc", *paths, f"--plugin=protoc-gen-fastapi={plugin}", *arguments]) != 0:
        raise SystemExit("protoc failed")


def different(fresh: dict[Path, bytes]) -> list[Path]:
    """The files that are missing, differ, or are left over from a .proto that is gone."""
    changed = [p for p, content in fresh.items() if not p.exists() or p.read_bytes() != content]
    left_over = [p for p in SOURCE.rglob("*.py*") if p.name.endswith(GENERATED) and p not in fresh]
    return sorted(changed + left_over)


def write(fresh: dict[Path, bytes], stale: list[Path]) -> None:
    """Brings the stale files up to date."""
    for path in stale:
        if path in fresh:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(fresh[path])
        else:
            path.unlink()


if __name__ == "__main__":
    raise SystemExit(main())
