"""`eshop manifests`: writes what other tools need to be told of each service, from what the services say themselves.

Files that hold other things too have a block for it, between "manifests: begin" and "manifests: end". With `--check`
nothing is written, and a file that is not what it should be is named.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

from eshop_deploy.layout import project_root
from eshop_deploy.settings import variable
from eshop_deploy.suite import WRITTEN, Service, as_written

_BLOCK = re.compile(
    r"(?P<begin>[^\n]*manifests: begin (?P<name>[a-z-]+)[^\n]*\n)(?P<inside>.*?)(?P<end>[^\n]*manifests: end)", re.S
)


def stale(root: Path, services: tuple[Service, ...]) -> dict[Path, str]:
    """The files that differ from what they should be, with their right text."""
    right = {root / "deploy/src/eshop_deploy" / WRITTEN: as_written(services)}
    for service in services:
        if service.stores:
            right[root / KUBERNETES / f"{service.host}.yaml"] = kubernetes(service)
    for name in _WITH_BLOCKS:
        path = root / name
        right[path] = _BLOCK.sub(lambda found: _filled(found, services), path.read_text("utf-8"))
    return {path: text for path, text in right.items() if not path.exists() or path.read_text("utf-8") != text}


KUBERNETES = "deploy/kubernetes/base"
_WITH_BLOCKS = (
    "pyproject.toml",
    ".dockerignore",
    ".env.example",
    "compose.yaml",
    "mkdocs.yml",
    "deploy/containers/service.Dockerfile",
    f"{KUBERNETES}/kustomization.yaml",
    f"{KUBERNETES}/eshop.env",
)


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


def _behind(services: tuple[Service, ...]) -> list[Service]:
    """All but the gateway, which is written by hand: it has no stores, and waits for all others."""
    return [service for service in services if service.stores]


def _compose(services: tuple[Service, ...]) -> Iterator[str]:
    for service in _behind(services):
        yield f"  {service.host}:"
        yield "    <<: *service"
        yield f"    image: ${{ESHOP_IMAGES:-eshop}}/{service.host}:${{ESHOP_IMAGE_TAG:-latest}}"
        yield f"    build: {{<<: *build, args: {{<<: *build-args, SERVICE: {service.host}}}}}"
        yield f'    healthcheck: {{<<: *health, test: [CMD, python, -IS, /health.py, "{service.http}"]}}'
        if service.memory != Service.memory:
            yield f"    mem_limit: {service.memory}m"
        yield "    ports:"
        for kind, port in (("http", service.http), ("grpc", service.grpc)):
            yield f'      - "127.0.0.1:${{{variable(f"{service.name}_{kind}")}:-{port}}}:{port}"'
        if service.keys:
            yield '    volumes: ["keys:/keys:ro"]'
        yield "    depends_on:"
        for need in _needs(service):
            yield f"      {need}"
        yield ""


def _needs(service: Service) -> Iterator[str]:
    """The containers that must be healthy first. DTM is the one whose store is the service's own."""
    for store in service.stores:
        name = f"dtm-{service.stores[0]}" if store == "dtm" else store
        yield f"{name}: {{condition: service_healthy}}"
    if service.keys or "kafka" in service.stores:
        yield "setup: {condition: service_completed_successfully}"


def _waited_for(services: tuple[Service, ...]) -> Iterator[str]:
    return (f"      {service.host}: {{condition: service_healthy}}" for service in _behind(services))


def _addresses(services: tuple[Service, ...]) -> Iterator[str]:
    for service in _behind(services):
        yield f"  ESHOP_{service.name.upper()}_ADDRESS: dns:{service.host}:{service.grpc}"


def _config(services: tuple[Service, ...]) -> Iterator[str]:
    return (line.strip().replace(": dns", "=dns") for line in _addresses(services))


def _resources(services: tuple[Service, ...]) -> Iterator[str]:
    return (f"  - {service.host}.yaml" for service in _behind(services))


def _images(services: tuple[Service, ...]) -> Iterator[str]:
    version = tomllib.loads((project_root() / "deploy" / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    return (f"  - {{name: eshop/{service.host}, newTag: {version}}}" for service in services)


def _pages(services: tuple[Service, ...]) -> Iterator[str]:
    for service in services:
        title = "Gateway" if not service.stores else service.name.replace("_", " ").capitalize()
        yield f"      - {title}: {service.folder}/README.md"


def kubernetes(service: Service) -> str:
    """The objects of one service in Kubernetes."""
    asked = 128 if service.memory > Service.memory else 96
    key = _KEY if service.keys else ""
    facts = {"host": service.host, "http": service.http, "grpc": service.grpc, "cpu": service.cpu, "asked": asked}
    return _OBJECTS.format(**facts, memory=service.memory, key=key)


_KEY = """\
          env:
            - name: ESHOP_ORDER_ID_KEY
              valueFrom:
                secretKeyRef: {name: eshop-order-id-key, key: ESHOP_ORDER_ID_KEY}
"""
_OBJECTS = """\
# Written by `make manifests` from the service's pyproject.toml.
apiVersion: v1
kind: Service
metadata:
  name: {host}
spec:
  clusterIP: None # its name stands for every pod that is ready; callers take them in turn
  selector: {{app: {host}}}
  ports:
    - {{name: http, port: {http}, targetPort: http}}
    - {{name: grpc, port: {grpc}, targetPort: grpc}}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {host}
  labels: {{eshop/kind: service}}
spec:
  selector:
    matchLabels: {{app: {host}}}
  template:
    metadata:
      labels: {{app: {host}, eshop/kind: service}}
    spec:
      containers:
        - name: service
          image: eshop/{host}
{key}          ports:
            - {{name: http, containerPort: {http}}}
            - {{name: grpc, containerPort: {grpc}}}
          resources:
            requests: {{cpu: {cpu}, memory: {asked}Mi}}
            limits: {{memory: {memory}Mi}}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {host}
spec:
  maxUnavailable: 1
  selector:
    matchLabels: {{app: {host}}}
"""
_LINES = {
    "services": _compose,
    "waited-for": _waited_for,
    "addresses": _addresses,
    "config": _config,
    "resources": _resources,
    "pages": _pages,
    "images": _images,
    "members": _members,
    "tested": _members,
    "typed": _typed,
    "context": _context,
    "copied": _copied,
    "ports": _ports,
}
