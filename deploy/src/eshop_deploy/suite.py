"""Which services there are: each says so in its own pyproject.toml, and nobody else has to know.

    [tool.suite]
    http = 30480            # ports of the lab
    grpc = 30482
    stores = ["mysql"]      # what it can't do without: mysql, redis, kafka, dtm
    lists = ["coupon"]      # tables whose totals are kept; verify counts them
    memory = 192            # most megabytes of a container
    cpu = "50m"             # what Kubernetes sets aside, as it writes it
    keys = false            # whether it needs the installation's secret, which ids are signed with

A table `name` stands for `eshop_<service>.<name>`. A service is called like its folder, without `eshop_`. In a checkout
the files themselves are read; an installation without one (an image) has services.json, which `make manifests` writes.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from eshop_deploy.failures import BadSetting

WRITTEN = "services.json"
_STORES = frozenset(("mysql", "redis", "kafka", "dtm"))
_KNOWN = frozenset(("http", "grpc", "stores", "lists", "memory", "cpu", "keys"))


@dataclass(frozen=True)
class Service:
    """One service, as it declares itself. `folder` is where its distribution lies, from the root of the checkout."""

    name: str
    folder: str
    http: int
    grpc: int
    stores: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()
    memory: int = 192
    cpu: str = "50m"
    keys: bool = False

    @property
    def host(self) -> str:
        """Its name in networks and of its image, where an underscore can't be."""
        return self.name.replace("_", "-")

    @property
    def package(self) -> str:
        return f"eshop_{self.name}"

    @property
    def distribution(self) -> str:
        return self.package.replace("_", "-")

    @property
    def tables(self) -> tuple[str, ...]:
        """The tables whose totals are kept, with their database."""
        return tuple(f"{self.package}.{table}" for table in self.lists)


@cache
def services() -> tuple[Service, ...]:
    """All services, in the order of their ports, those that call others on their behalf (the gateway) last."""
    root = checkout()
    found = declared(root) if root is not None else written()
    return tuple(sorted(found, key=lambda service: (not service.stores, service.http)))


def checkout() -> Path | None:
    """The root of the checkout that this tool runs from; None where it was installed without one."""
    root = Path(__file__).resolve().parents[3]
    project = root / "pyproject.toml"
    return root if project.is_file() and "workspace" in _tool(project).get("uv", {}) else None


def declared(root: Path) -> Iterator[Service]:
    """The services of a checkout. Raises BadSetting for a declaration that is wrong, naming its file."""
    taken: dict[int, str] = {}
    for project in sorted(root.glob("*/pyproject.toml")):
        told = _tool(project).get("suite")
        if told is None:
            continue
        service = _service(project, told)
        for port in (service.http, service.grpc):
            if port in taken:
                raise BadSetting(f"{project}: port {port} is that of {taken[port]}", "Choose another in [tool.suite]")
            taken[port] = service.name
        yield service


def written() -> Iterator[Service]:
    """The services as `make manifests` found them."""
    for told in json.loads(files("eshop_deploy").joinpath(WRITTEN).read_text("utf-8")):
        facts: dict[str, Any] = {**told, "stores": tuple(told["stores"]), "lists": tuple(told["lists"])}
        yield Service(**facts)


def as_written(found: tuple[Service, ...]) -> str:
    """What services.json must say."""
    return json.dumps([asdict(service) for service in found], indent=2) + "\n"


def _service(project: Path, told: Mapping[str, Any]) -> Service:
    wrong = sorted(told.keys() - _KNOWN)
    if wrong:
        raise BadSetting(f"{project}: [tool.suite] has no {wrong[0]}", f"It has {', '.join(sorted(_KNOWN))}")
    for name in ("http", "grpc"):
        if not isinstance(told.get(name), int) or not 0 < told[name] < 65536:
            raise BadSetting(f"{project}: [tool.suite] {name} must be a port", f"Write {name} = 30780, say")
    unknown = sorted(set(told.get("stores", ())) - _STORES)
    if unknown:
        raise BadSetting(f"{project}: [tool.suite] stores has {unknown[0]}", f"There are {', '.join(sorted(_STORES))}")
    folder = project.parent.name
    stores, lists = tuple(told.get("stores", ())), tuple(told.get("lists", ()))
    more = {name: told[name] for name in ("memory", "cpu", "keys") if name in told}
    return Service(folder.removeprefix("eshop_"), folder, told["http"], told["grpc"], stores, lists, **more)


def _tool(project: Path) -> dict[str, Any]:
    return tomllib.loads(project.read_text("utf-8")).get("tool", {})
