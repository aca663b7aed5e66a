"""Tries the generator on protos that others wrote: `python libs/protoc_gen_fastapi/corpus FOLDER...`

Each folder is a checkout. Every .proto in it that declares a service, and is no copy of a third party's, is compiled by
protoc, generated, imported in a process of its own with warnings as errors, and its routes are documented. The result
is a table for docs/compatibility.md: what came out, and why where it did not.
"""

import argparse
import hashlib
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from google.api import annotations_pb2

HERE = Path(__file__).resolve().parent
THIRD_PARTY = HERE.parents[2] / "protos" / "third_party"
WELL_KNOWN = Path(str(files("grpc_tools") / "_proto"))
GOOGLE = Path(annotations_pb2.__file__).parents[2]  # googleapis-common-protos brings the .proto files too
BROUGHT = ("google/protobuf/", "google/api/", "google/rpc/", "google/type/", "google/longrunning/")
_FOREIGN = re.compile(r"/(third_party|node_modules|vendor|testdata)/|/google/(protobuf|api|rpc|type)/|/validate/")
_SERVICE = re.compile(r"^\s*service\s+\w+\s*\{", re.M)
_IMPORT = re.compile(r'^\s*import\s+(?:public\s+|weak\s+)?"([^"]+)"', re.M)
_ROUTE = re.compile(r"google\.api\.http\b")
_TRY = """
import importlib, sys
from fastapi import FastAPI
from protoc_gen_fastapi.runtime import Hooks, install
class Nothing:
    def __getattr__(self, name):
        async def method(*_): raise NotImplementedError
        return method
module = importlib.import_module(sys.argv[1])
app, hooks, count = FastAPI(), Hooks(), 0
install(app, hooks)
for name, make in list(vars(module).items()):
    if name.endswith("_router"):
        app.include_router(make(Nothing(), hooks))
    if name.endswith("_handlers"):
        make(Nothing(), hooks)
print(sum(map(len, app.openapi()["paths"].values())))
"""


@dataclass(frozen=True)
class Outcome:
    """What became of one .proto: `stage` is where it ended, "ok" for the end."""

    name: str
    stage: str
    why: str
    routes: int = 0
    on_http: bool = False


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--include", action="append", default=[], type=Path, help="where else imports are looked for")
    arguments = parser.parse_args()
    say = sys.stdout.write
    for folder in arguments.folders:
        outcomes = list(tried(folder.resolve(), [path.resolve() for path in arguments.include]))
        counts = Counter(outcome.stage for outcome in outcomes)
        routes = sum(outcome.routes for outcome in outcomes)
        shown = ", ".join(f"{n} {stage}" for stage, n in counts.most_common())
        say(f"\n## {folder.name}: {counts['ok']} of {len(outcomes)} ({shown}); {routes} routes\n\n")
        say("| file | ended at | why |\n|---|---|---|\n")
        for outcome in outcomes:
            if outcome.stage != "ok":
                say(f"| {outcome.name} | {outcome.stage} | {outcome.why} |\n")


def tried(folder: Path, include: list[Path]) -> Iterator[Outcome]:
    """All services of a checkout; of equal files the first counts."""
    seen: set[str] = set()
    for path in sorted(folder.rglob("*.proto")):
        text = path.read_text(errors="replace")
        digest = hashlib.sha256(text.encode()).hexdigest()
        if _FOREIGN.search(str(path)) or not _SERVICE.search(text) or digest in seen:
            continue
        seen.add(digest)
        yield one(folder, path, text, include)


def one(folder: Path, path: Path, text: str, include: list[Path]) -> Outcome:
    """Compiles, generates and imports one file."""
    shown, on_http = str(path.relative_to(folder)), bool(_ROUTE.search(text))
    root = root_of(folder, path)
    roots = [root, *third_parties(folder, path), *include, THIRD_PARTY, WELL_KNOWN, GOOGLE]
    with tempfile.TemporaryDirectory() as name:
        out = Path(name)
        own = str(path.relative_to(root))
        needed = sorted(imports(roots, own))
        done = protoc(roots, [f"--python_out={out}", f"--fastapi_out={out}", own])
        if done.returncode:
            stage = "generator" if "--fastapi_out" in done.stderr else "protoc"
            return Outcome(shown, stage, last(done.stderr), on_http=on_http)
        if needed:
            protoc(roots, [f"--python_out={out}", *needed])
        module = own.removesuffix(".proto").replace("-", "_").replace("/", ".") + "_api"
        environment = {**os.environ, "PYTHONPATH": str(out)}
        program = [sys.executable, "-W", "error::SyntaxWarning", "-c", _TRY, module]
        tried = subprocess.run(  # noqa: S603 - Python itself
            program, env=environment, cwd=out, capture_output=True, text=True, check=False
        )
        if tried.returncode:
            return Outcome(shown, "import", last(tried.stderr), on_http=on_http)
        return Outcome(shown, "ok", "", int(tried.stdout), on_http)


def protoc(roots: list[Path], arguments: list[str]) -> "subprocess.CompletedProcess[str]":
    """Runs protoc with the plugin."""
    plugin = Path(sys.executable).with_name("protoc-gen-fastapi")
    paths = [f"--proto_path={root}" for root in dict.fromkeys(roots)]
    program = [sys.executable, "-m", "grpc_tools.protoc", *paths, f"--plugin=protoc-gen-fastapi={plugin}", *arguments]
    return subprocess.run(program, capture_output=True, text=True, check=False)  # noqa: S603 - protoc


def root_of(folder: Path, path: Path) -> Path:
    """The folder that a file's own package, or the imports of its neighbours, are below."""
    candidates = [parent for parent in path.parents if parent.is_relative_to(folder)]
    named = _IMPORT.findall(path.read_text(errors="replace"))
    for candidate in candidates:
        if any((candidate / name).is_file() for name in named):
            return candidate
    api = next((parent for parent in candidates if parent.name in ("api", "proto", "protos")), None)
    return api.parent if api is not None and api.name == "api" else (api or path.parent)


def third_parties(folder: Path, path: Path) -> list[Path]:
    """The folders of third parties' protos around a file."""
    around = [parent / "third_party" for parent in path.parents if parent.is_relative_to(folder)]
    return [found for found in around if found.is_dir()]


def imports(roots: list[Path], name: str) -> set[str]:
    """All that a file imports and no distribution brings, through and through."""
    found: set[str] = set()
    todo = [name]
    while todo:
        path = next((root / todo[-1] for root in roots if (root / todo[-1]).is_file()), None)
        todo.pop()
        for more in _IMPORT.findall(path.read_text(errors="replace")) if path else ():
            if more not in found and not more.startswith(BROUGHT):
                found.add(more)
                todo.append(more)
    return found - {name}


def last(text: str) -> str:
    """The last line that says something, short enough for a table."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and "warning" not in line]
    return (lines[-1] if lines else "")[:200].replace("|", "\\|")


if __name__ == "__main__":
    main()
