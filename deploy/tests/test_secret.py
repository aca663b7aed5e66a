"""The secret of an installation."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from eshop_deploy.layout import StackDir
from eshop_deploy.secret import VARIABLE, kept_secret, with_secret
from eshop_deploy.settings import read_settings


@pytest.fixture
def stacks(tmp_path: Path) -> list[StackDir]:
    found = [StackDir(tmp_path / name) for name in ("one", "two")]
    for stack in found:
        stack.make()
    return found


def test_every_stack_has_a_secret_of_its_own_and_keeps_it(stacks: list[StackDir]) -> None:
    one, two = (with_secret(stack, read_settings({})).extra[VARIABLE] for stack in stacks)
    assert one != two
    assert len(one) == 64
    assert with_secret(stacks[0], read_settings({})).extra[VARIABLE] == one
    assert stat.S_IMODE(stacks[0].secret_file.stat().st_mode) == 0o600


def test_a_secret_that_was_chosen_is_taken(stacks: list[StackDir]) -> None:
    assert (
        with_secret(stacks[0], read_settings({VARIABLE: "chosen by somebody"})).extra[VARIABLE] == "chosen by somebody"
    )
    assert not stacks[0].secret_file.exists()
    in_file = read_settings({f"{VARIABLE}_FILE": "/somewhere"})
    assert VARIABLE not in with_secret(stacks[0], in_file).extra


def test_a_secret_in_a_file_is_made_once(tmp_path: Path) -> None:
    made = kept_secret(tmp_path / "key")
    assert kept_secret(tmp_path / "key") == made
