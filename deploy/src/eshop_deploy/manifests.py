"""`eshop manifests`: writes what other tools need to be told of each service, from what the services say themselves.

Files that hold other things too have a block for it, between "manifests: begin" and "manifests: end". With `--check`
nothing is written, and a file that is not what it should be is named.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from eshop_deploy.settings import variable
from eshop_deploy.suite import WRITTEN, Service, as_written

_BLOCK = re.compile(
    r"(?P<begin>[^\n]*manifests: begin (?P<name>[a-z-]+)[^\n]*\n)(?P<inside>.*?)(?P<end>[^\n]*manifests: end)", re.S
)


def stale(root: Path, services: tuple[Service, ...]) -> dict[Path, str]:
    """The files that differ from what they should be, with their right text."""
    right = {root / "deploy/src/eshop_deploy" / WRITTEN: as_written(services)}
    for name in ("pyproject.toml", ".dockerignore", ".env.example", "deploy/containers/service.Dockerfile"):
        path = root / name
        right[path] = _BLOCK.sub(lambda found: _filled(found, services), path.read_text("utf-8"))
    return {path: text for path, text in right.items() if not path.exists() or path.read_text("utf-8") != text}


def _filled(found: re.Match[str], services: tuple[Service, ...]) -> str:
    lines = _LINES[found["name"]](services)
    return found["begin"] + "".join(f"{line}\n" for line in lines) + found["end"]


def _members(services: tuple[Service, ...]) -> Iterator[str]:
    return (f'    "{service.folder}",' for service in services)


def _typed(services: tuple[Service, ...]) -> Iterator[str]:
    rules = ("UnknownArgumentType", "UnknownParameterType", "UnknownVariableType", "UnknownLambdaType")
    off = ", ".join(f"report{rule} = false" for rule in (*rules, "MissingParameterType", "PrivateUsage"))
    for service in services:
        yield f'    {{ root = "{service.folder}/tests", extraPaths = ["order/tests", "test"], {off} }},'


def _context(services: tuple[Service, ...]) -> Iterator[str]:
    return (f"!{service.folder}" for service in services)


def _copied(services: tuple[Service, ...]) -> Iterator[str]:
    return (f"COPY {service.folder}/pyproject.toml {service.folder}/" for service in services)


def _ports(services: tuple[Service, ...]) -> Iterator[str]:
    for service in services:
        yield f"#{variable(f'{service.name}_http')}={service.http}"
        yield f"#{variable(f'{service.name}_grpc')}={service.grpc}"


_LINES = {
    "members": _members,
    "tested": _members,
    "typed": _typed,
    "context": _context,
    "copied": _copied,
    "ports": _ports,
}
