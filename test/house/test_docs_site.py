"""Links that GitHub follows lead to the same place on the site of `make docs`."""

import importlib.util
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "docs" / "site" / "repository_pages.py"
_spec = importlib.util.spec_from_file_location("repository_pages", SCRIPT)
assert _spec
assert _spec.loader
repository_pages = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(repository_pages)


@pytest.mark.parametrize(
    ("page", "link", "led"),
    [
        ("README.md", "[a](docs/containers.md)", "[a](containers.md)"),
        ("README.md", "![a](docs/architecture.svg)", "![a](architecture.svg)"),
        ("docs/development.md", "[a](../README.md#start)", "[a](index.md#start)"),
        ("docs/adr/README.md", "[a](../../libs/chassis/README.md)", "[a](../libs/chassis/README.md)"),
        ("order/README.md", "[a](../libs/chassis/README.md#settings)", "[a](../libs/chassis/README.md#settings)"),
        ("libs/aiodtm/README.md", "[a](../../docs/speed.md)", "[a](../../speed.md)"),
        ("docs/containers.md", "[a](../compose.yaml)", "a"),
        ("docs/containers.md", "[a](../nowhere.md)", "[a](../nowhere.md)"),
        ("README.md", "[a](https://example.org/b)", "[a](https://example.org/b)"),
        ("README.md", "[a](#start)", "[a](#start)"),
    ],
)
def test_a_link_of_the_repository_leads_to_the_page_of_the_site(page: str, link: str, led: str) -> None:
    assert repository_pages.led(link, page) == led


def test_the_site_takes_the_readmes_of_the_repository() -> None:
    pages = repository_pages.pages_outside_docs()
    assert {"README.md", "order/README.md", "libs/aiodtm/README.md"} <= set(pages)
