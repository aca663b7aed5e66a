"""These tests need an engine, the suite in its containers, and the right to kill: `make compose-test` has all three."""

import pytest
from compose_project import ComposeProject, told


@pytest.fixture(scope="module")
def project() -> ComposeProject:
    found = told()
    if found is None:
        pytest.skip("no suite in containers: `make compose-test` starts one")
    return found
