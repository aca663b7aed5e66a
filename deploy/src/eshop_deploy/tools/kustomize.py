"""kustomize, which renders the Kubernetes manifests: the machine's, kubectl's, or one built from its Go module."""

from __future__ import annotations

import os
from pathlib import Path

from eshop_deploy.layout import tools_dir
from eshop_deploy.tools import debian, dtm, running

MODULE = "sigs.k8s.io/kustomize/kustomize/v5@v5.5.0"


def command() -> list[str] | None:
    """The words that render a folder, which comes last; None where there is no such program."""
    built = str(tools_dir() / "kustomize" / "kustomize")
    if found := debian.find("kustomize", built):
        return [found, "build"]
    if found := debian.find("kubectl"):
        return [found, "kustomize"]
    return None


def install(log: Path) -> list[str]:
    go = dtm.go_or_fetched(log)
    env = {**os.environ, "GOBIN": str(tools_dir() / "kustomize"), "GOFLAGS": "", "CGO_ENABLED": "0"}
    running.run([go, "install", MODULE], log, "Building kustomize", env)
    return [str(tools_dir() / "kustomize" / "kustomize"), "build"]
