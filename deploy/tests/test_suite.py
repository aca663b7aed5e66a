"""Services declare themselves: what they say is found, wrong declarations are named, and what is written is fresh."""

import importlib
from pathlib import Path

import pytest
import yaml

from eshop_deploy import manifests, suite
from eshop_deploy.failures import BadSetting
from eshop_deploy.settings import DEFAULT_PORTS, SERVICES, read_settings
from eshop_deploy.suite import Service

ROOT = Path(__file__).parents[2]


def declare(root: Path, folder: str, text: str) -> None:
    (root / folder).mkdir()
    (root / folder / "pyproject.toml").write_text(f"[tool.suite]\n{text}\n")


def test_the_suite_s_own_are_found() -> None:
    assert SERVICES == ("user", "product", "order", "stock", "coupon", "pay", "flash_sale", "gw")
    assert (DEFAULT_PORTS["coupon_http"], DEFAULT_PORTS["gw_grpc"]) == (30480, 8282)
    assert read_settings({"ESHOP_PAY_HTTP_PORT": "5"}).ports["pay_http"] == 5


@pytest.mark.parametrize("service", suite.services(), ids=lambda service: service.name)
def test_a_service_is_as_it_declares_itself(service: Service) -> None:
    settings = importlib.import_module(f"{service.package}.settings").Settings
    defaults = {name: settings.model_fields[name].default for name in ("http_port", "grpc_port")}
    assert defaults == {"http_port": service.http, "grpc_port": service.grpc}
    tables = getattr(importlib.import_module(f"{service.package}.wiring"), "TABLES", None)
    assert service.lists == (tables.counted if tables else ())


def test_a_new_service_is_found_by_its_folder(tmp_path: Path) -> None:
    declare(tmp_path, "review", 'http = 30780\ngrpc = 30782\nstores = ["mysql"]\nlists = ["review"]')
    (tmp_path / "docs").mkdir()
    (tmp_path / "bench").mkdir()
    (tmp_path / "bench" / "pyproject.toml").write_text("[project]\nname = 'bench'\n")
    [review] = suite.declared(tmp_path)
    assert review == Service("review", "review", 30780, 30782, ("mysql",), ("review",))
    assert (review.package, review.distribution, review.tables) == (
        "eshop_review",
        "eshop-review",
        ("eshop_review.review",),
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("http = 1", "grpc must be a port"),
        ('http = "a"\ngrpc = 2', "http must be a port"),
        ("http = 70000\ngrpc = 2", "http must be a port"),
        ("http = 1\ngrpc = 1", "port 1 is that of"),
        ("http = 1\ngrpc = 2\nport = 3", "has no port"),
        ('http = 1\ngrpc = 2\nstores = ["mongo"]', "stores has mongo"),
    ],
)
def test_a_declaration_that_is_wrong_names_its_file(tmp_path: Path, text: str, told: str) -> None:
    declare(tmp_path, "review", text)
    with pytest.raises(BadSetting, match=told) as wrong:
        list(suite.declared(tmp_path))
    assert "review/pyproject.toml" in str(wrong.value)


def test_an_installation_without_a_checkout_has_what_was_written() -> None:
    assert tuple(sorted(suite.written(), key=lambda s: s.name)) == tuple(sorted(suite.services(), key=lambda s: s.name))


def test_what_is_written_is_fresh() -> None:
    assert manifests.stale(ROOT, suite.services()) == {}


def test_a_ninth_service_changes_every_block() -> None:
    ninth = Service("review", "review", 30780, 30782, ("mysql",), ("review",))
    changed = manifests.stale(ROOT, (*suite.services(), ninth))
    assert {path.name for path in changed} == {
        "services.json",
        "pyproject.toml",
        ".dockerignore",
        ".env.example",
        "service.Dockerfile",
        "compose.yaml",
        "mkdocs.yml",
        "kustomization.yaml",
        "eshop.env",
        "review.yaml",
    }
    shown = yaml.safe_load(changed[ROOT / "compose.yaml"])["services"]
    assert shown["review"]["ports"][0] == "127.0.0.1:${ESHOP_REVIEW_HTTP_PORT:-30780}:30780"
    assert shown["gw"]["depends_on"]["review"] == {"condition": "service_healthy"}
    service, deployment, budget = yaml.safe_load_all(changed[ROOT / "deploy/kubernetes/base/review.yaml"])
    assert [service["kind"], deployment["kind"], budget["kind"]] == ["Service", "Deployment", "PodDisruptionBudget"]
    assert '"review",\n' in changed[ROOT / "pyproject.toml"]
    assert changed[ROOT / "pyproject.toml"].count("review") == 3
    assert "#ESHOP_REVIEW_GRPC_PORT=30782" in changed[ROOT / ".env.example"]
