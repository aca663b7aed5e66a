"""Points all tests at the parts of the test stack, when one is named (`make test` sets ESHOP_TEST_STACK).

`shop` is the running shop: its parts are where the settings say already.
"""

import os
from pathlib import Path

import pytest
from hypothesis import settings

PARTS = ("ESHOP_MYSQL_", "ESHOP_REDIS_", "ESHOP_KAFKA_", "ESHOP_DTM_")


# How many examples a test tries that names no number of its own; `--hypothesis-profile thorough` takes its time.
settings.register_profile("quick", max_examples=15)
settings.register_profile("thorough", max_examples=200)
settings.load_profile("quick")


def _settings(path: Path) -> dict[str, str]:
    lines = path.read_text("utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))


if (stack := os.environ.get("ESHOP_TEST_STACK")) and stack != "shop":
    os.environ.update({k: v for k, v in _settings(Path(stack)).items() if k.startswith(PARTS)})


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Books are verified first: tests that call single branches by hand leave transactions that nobody finishes."""
    items.sort(key=lambda item: not item.path.name.startswith("test_verify"))
