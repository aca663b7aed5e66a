from __future__ import annotations

import tomllib

import pytest

from eshop_deploy.layout import project_root

ROOT = project_root()
WORKSPACE = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["uv"]["workspace"]["members"]
MEMBERS = sorted(folder.relative_to(ROOT).as_posix() for pattern in WORKSPACE for folder in ROOT.glob(pattern))


@pytest.mark.parametrize("member", MEMBERS)
def test_the_image_of_the_services_knows_every_member_of_the_workspace(member: str) -> None:
    copied = (ROOT / "deploy" / "containers" / "service.Dockerfile").read_text()
    assert f"COPY {member}/pyproject.toml {member}/\n" in copied
    assert f"!{member.partition('/')[0]}" in (ROOT / ".dockerignore").read_text()
