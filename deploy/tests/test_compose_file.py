"""compose.yaml keeps the promises of docs/containers.md. (`make compose-test` runs it.)"""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from eshop_deploy.compose_test import images
from eshop_deploy.compose_test.suite import ONE_SHOTS, Container, compose_file
from eshop_deploy.layout import project_root
from eshop_deploy.settings import DEFAULT_PORTS, variable

TEXT = compose_file().read_text()
FILE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = FILE["services"]
ON_DEMAND = {name for name, service in SERVICES.items() if "profiles" in service}
LASTING = set(SERVICES) - set(ONE_SHOTS) - ON_DEMAND
STORES = {"mysql", "redis", "kafka"}
OWN = {name: service for name, service in SERVICES.items() if "build" in service}
UNITS = {"m": 1, "g": 1024}


def megabytes(service: dict[str, Any]) -> int:
    limit = service["mem_limit"]
    return int(limit[:-1]) * UNITS[limit[-1]]


def published() -> list[tuple[str, str]]:
    return [(name, port) for name, service in SERVICES.items() for port in service.get("ports", [])]


def test_it_lies_where_docker_compose_up_finds_it() -> None:
    assert compose_file() == project_root() / "compose.yaml"
    assert all((project_root() / service["build"]["dockerfile"]).is_file() for service in OWN.values())


def test_the_suites_own_images_are_built_and_never_pulled_from_a_stranger() -> None:
    assert len(OWN) == len(SERVICES) - len(STORES) - len(ON_DEMAND)
    assert {service["pull_policy"] for service in OWN.values()} == {"${ESHOP_PULL_POLICY:-build}"}


def test_everything_that_runs_at_a_time_stays_below_4_gb() -> None:
    lasting = sum(megabytes(SERVICES[name]) for name in LASTING)
    assert lasting + max(megabytes(SERVICES[name]) for name in ONE_SHOTS) < 4096


@pytest.mark.parametrize("name", sorted(LASTING))
def test_what_runs_on_is_watched_and_started_again(name: str) -> None:
    service = SERVICES[name]
    assert service["restart"] == "unless-stopped"
    assert service["healthcheck"]["test"]
    assert service["init"] is True


@pytest.mark.parametrize("name", sorted(set(SERVICES) - STORES - ON_DEMAND))
def test_the_suites_own_programs_can_change_nothing_on_their_disk(name: str) -> None:
    assert SERVICES[name]["read_only"] is True
    assert SERVICES[name]["cap_drop"] == ["ALL"]


def test_every_port_is_published_on_loopback_as_documented_and_can_be_moved() -> None:
    found: dict[str, int] = {}
    for _, port in published():
        matched = re.fullmatch(r"127\.0\.0\.1:\$\{(ESHOP_\w+_PORT):-(\d+)\}:(\d+)", port)
        assert matched, port
        found[matched[1]] = int(matched[2])
    expected = {variable(name): port for name, port in DEFAULT_PORTS.items() if name != "kafka_controller"}
    assert found == expected


def test_the_gateway_is_where_the_services_are_and_the_stores_are_not() -> None:
    assert SERVICES["gw"]["networks"] == ["shop"]
    for name in STORES | {"dtm-mysql", "dtm-redis"}:
        assert SERVICES[name]["networks"] == ["stores"]


def test_every_image_that_would_be_pulled_has_a_setting_and_a_stand_in() -> None:
    assert set(re.findall(r"\$\{(\w+_IMAGE):-", TEXT)) == set(images.STAND_INS)
    assert all((images.recipes() / f"{name}.Dockerfile").is_file() for name in images.STAND_INS.values())


@pytest.mark.parametrize(
    ("service", "running", "exit_code", "health", "done"),
    [
        ("order", True, 0, "healthy", True),
        ("order", True, 0, "starting", False),
        ("order", False, 137, "unhealthy", False),
        ("setup", False, 0, "", True),
        ("setup", True, 0, "", False),
        ("seed", False, 1, "", False),
    ],
)
def test_a_service_is_done_when_it_is_healthy_and_a_step_when_it_ended_well(
    service: str, running: bool, exit_code: int, health: str, done: bool
) -> None:
    assert Container(service, "id", 1, running, exit_code, health, {}).done is done


def test_no_key_that_everybody_knows_is_anybodys_default() -> None:
    assert "eshop-lab-key" not in TEXT
    writes = {name: service.get("volumes", []) for name, service in SERVICES.items()}
    assert "keys:/keys" in writes["setup"]
    assert all("keys:/keys:ro" in writes[name] for name in ("order", "flash-sale"))
