"""What `make compose-test` does around the suite: its own engine leaves nothing behind, a page keeps what was seen."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from eshop_deploy.compose_test import footprint, load, suite, transcript
from eshop_deploy.layout import project_root
from eshop_deploy.progress import console

BEFORE = ["-P INPUT ACCEPT", "-P FORWARD ACCEPT", "-N MINE", "-A MINE -s 10.0.0.1/32 -j DROP"]
DURING = [
    "-P INPUT ACCEPT",
    "-P FORWARD DROP",
    "-N MINE",
    "-N DOCKER",
    "-N DOCKER-USER",
    "-A MINE -s 10.0.0.1/32 -j DROP",
    "-A FORWARD -j DOCKER-USER",
    "-A FORWARD -i docker0 ! -o docker0 -j ACCEPT",
    '-A DOCKER ! -i br-0f2a -m comment --comment "two words" -j ACCEPT',
    "-A MINE -s 10.0.0.2/32 -j DROP",
]


def test_an_engines_rules_and_chains_go_and_its_policy_is_set_back() -> None:
    assert list(footprint.undoing(BEFORE, DURING)) == [
        ["-D", "FORWARD", "-j", "DOCKER-USER"],
        ["-D", "FORWARD", "-i", "docker0", "!", "-o", "docker0", "-j", "ACCEPT"],
        ["-D", "DOCKER", "!", "-i", "br-0f2a", "-m", "comment", "--comment", "two words", "-j", "ACCEPT"],
        ["-X", "DOCKER"],
        ["-X", "DOCKER-USER"],
        ["-P", "FORWARD", "ACCEPT"],
    ]


def test_where_another_engine_had_its_rules_before_they_stay() -> None:
    assert list(footprint.undoing(DURING, DURING)) == []


@pytest.mark.parametrize(
    ("told", "expected"), [("512B", 512), ("1.5KiB", 1536), ("12.5MiB", 13107200), ("1.25GiB", 1342177280)]
)
def test_memory_is_read_as_the_engine_tells_it(told: str, expected: int) -> None:
    assert suite.in_bytes(told) == expected


def test_the_page_keeps_steps_with_their_times_and_leaves_progress_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console, "record", True)
    console.print("... Up")
    code = transcript.shown([sys.executable, "-c", "print('.order killed\\n..s. [ 50%]\\n\\n4 passed in 1.00s')"])
    console.print("[green]ok[/]  Up [dim]3.2 s[/]")
    transcript.keep(tmp_path / "page.md", "2 cores")

    page = (tmp_path / "page.md").read_text()
    assert code == 0
    assert ", 2 cores. " in page
    assert page.endswith("```\n    order killed\n    4 passed in 1.00s\nok  Up 3.2 s\n```\n")


def test_the_code_of_a_program_that_fails_is_told() -> None:
    assert transcript.shown([sys.executable, "-c", "raise SystemExit(3)"]) == 3


def test_every_command_line_of_k6_in_the_readme_is_run_as_it_stands() -> None:
    readme = (project_root() / "README.md").read_text()
    lines = [str(line).strip() for line in load.command_lines(readme)]
    assert lines
    assert lines == [line for line in readme.splitlines() if "k6 run" in line and line.endswith(".js")]
