"""The Kubernetes manifests, rendered by kustomize and held to the API's own schemas, strictly, and to our rules."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from typing import Any

import kubernetes_validate
import pytest
import yaml

from eshop_deploy.layout import project_root, state_dir
from eshop_deploy.tools import kustomize

Manifest = dict[str, Any]
MANIFESTS = project_root() / "deploy" / "kubernetes"
OVERLAYS = ("lab", "replicas")
# The oldest whose schema knows everything used here (a `sleep` before a stop, say), and the newest there is.
VERSIONS = ("1.32.0", "1.37.0")
SCALED_BY_LOAD = {"gw", "flash-sale", "order"}


@pytest.fixture(scope="module")
def rendered() -> dict[str, list[Manifest]]:
    """All objects of each overlay."""
    program = kustomize.command() or kustomize.install(state_dir() / "setup.log")
    return {name: list(_render(program, name)) for name in OVERLAYS}


def _render(program: list[str], overlay: str) -> Iterator[Manifest]:
    made = subprocess.run([*program, str(MANIFESTS / "overlays" / overlay)], capture_output=True, text=True, check=True)
    yield from yaml.safe_load_all(made.stdout)


def of_kind(manifests: list[Manifest], kind: str) -> dict[str, Manifest]:
    return {m["metadata"]["name"]: m for m in manifests if m["kind"] == kind}


def pods(manifests: list[Manifest]) -> Iterator[tuple[str, Manifest]]:
    """Name and pod spec of everything that runs pods."""
    for manifest in manifests:
        if manifest["kind"] in ("Deployment", "StatefulSet", "Job"):
            yield manifest["metadata"]["name"], manifest["spec"]["template"]["spec"]


def config(manifests: list[Manifest]) -> dict[str, str]:
    return next(m["data"] for m in manifests if m["kind"] == "ConfigMap")


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_object_is_what_the_schema_says_with_nothing_unknown(
    rendered: dict[str, list[Manifest]], overlay: str, version: str
) -> None:
    for manifest in rendered[overlay]:
        kubernetes_validate.validate(manifest, version, strict=True)


def test_the_schema_check_finds_a_misspelt_field(rendered: dict[str, list[Manifest]]) -> None:
    manifest = of_kind(rendered["lab"], "Deployment")["gw"]
    manifest = {**manifest, "spec": {**manifest["spec"], "replica": 3}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(manifest, VERSIONS[0], strict=True)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_pod_runs_without_rights_and_within_limits(rendered: dict[str, list[Manifest]], overlay: str) -> None:
    for name, pod in pods(rendered[overlay]):
        assert pod["securityContext"]["runAsNonRoot"], name
        assert pod["automountServiceAccountToken"] is False, name
        (container,) = pod["containers"]
        assert container["securityContext"]["allowPrivilegeEscalation"] is False, name
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}, name
        assert set(container["resources"]) == {"requests", "limits"}, name


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_deployment_has_probes_and_a_read_only_root(rendered: dict[str, list[Manifest]], overlay: str) -> None:
    deployments = of_kind(rendered[overlay], "Deployment")
    assert len(deployments) == 10
    for name, deployment in deployments.items():
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        assert {"readinessProbe", "livenessProbe"} <= set(container), name
        assert container["securityContext"]["readOnlyRootFilesystem"], name


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_address_that_is_configured_is_a_port_of_a_service(
    rendered: dict[str, list[Manifest]], overlay: str
) -> None:
    services = of_kind(rendered[overlay], "Service")
    addresses = {key: value for key, value in config(rendered[overlay]).items() if key.endswith(("_ADDRESS", "_GRPC"))}
    assert len(addresses) == 9
    for value in addresses.values():
        host, port = value.removeprefix("dns:").split(":")
        assert int(port) in [p["port"] for p in services[host]["spec"]["ports"]], value
        if value.startswith("dns:"):  # a name for all pods needs a service without an address of its own
            assert services[host]["spec"]["clusterIP"] == "None", value


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_selector_finds_its_pods(rendered: dict[str, list[Manifest]], overlay: str) -> None:
    labels = [m["spec"]["template"]["metadata"]["labels"] for m in rendered[overlay] if m["kind"] == "Deployment"]
    labels += [m["spec"]["template"]["metadata"]["labels"] for m in rendered[overlay] if m["kind"] == "StatefulSet"]
    selectors = [m["spec"]["selector"] for m in of_kind(rendered[overlay], "Service").values()]
    budgets = of_kind(rendered[overlay], "PodDisruptionBudget").values()
    selectors += [m["spec"]["selector"]["matchLabels"] for m in budgets]
    for selector in selectors:
        assert [pod for pod in labels if selector.items() <= pod.items()], selector


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_only_the_services_that_submit_transactions_reach_dtm(
    rendered: dict[str, list[Manifest]], overlay: str
) -> None:
    policies = of_kind(rendered[overlay], "NetworkPolicy")
    assert policies["nobody"]["spec"] == {"podSelector": {}, "policyTypes": ["Ingress"]}
    for store, caller in (("mysql", "order"), ("redis", "flash-sale")):
        policy = policies[f"dtm-{store}"]["spec"]
        assert policy["podSelector"]["matchLabels"] == {"app": f"dtm-{store}"}
        assert [rule["from"] for rule in policy["ingress"]] == [[{"podSelector": {"matchLabels": {"app": caller}}}]]
    assert "ingress" not in policies["nobody"]["spec"]


def test_what_load_scales_has_no_fixed_number_and_never_one_replica(rendered: dict[str, list[Manifest]]) -> None:
    scalers = of_kind(rendered["replicas"], "HorizontalPodAutoscaler")
    deployments = of_kind(rendered["replicas"], "Deployment")
    assert set(scalers) == SCALED_BY_LOAD
    assert all(scaler["spec"]["minReplicas"] == 2 for scaler in scalers.values())
    for name, deployment in deployments.items():
        assert ("replicas" in deployment["spec"]) is (name not in SCALED_BY_LOAD), name


def test_passwords_are_nowhere_but_in_the_labs_secret(rendered: dict[str, list[Manifest]]) -> None:
    assert not of_kind(rendered["replicas"], "Secret")
    without = [m for m in rendered["lab"] if m["kind"] != "Secret"]
    assert "123456" not in yaml.safe_dump(without)
