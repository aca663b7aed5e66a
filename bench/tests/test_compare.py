"""What is made of the figures of two checkouts that were measured in turn."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from eshop_bench import cli, compare
from eshop_bench.compare import Figures, Pair, Side
from eshop_deploy.stacks import BadSetting, BringUpError


def figures(rate: float, *, gw: float, load: float) -> Figures:
    return Figures(rate, 10.0, {"gw": gw}, load)


def test_cpu_is_told_for_an_answer_and_k6_is_the_yardstick() -> None:
    row = {"rate": 50.0, "p50": 1.5, "counts": "sold_out", "answers": {"sold_out": 200}, "cpu": {"gw": 0.1, "k6": 0.04}}

    found = Figures.of(row)

    assert found == Figures(50.0, 1.5, {"gw": 500.0}, 200.0)


def test_a_machine_that_was_slower_makes_no_answer_dearer() -> None:
    slower = Pair(before=figures(1000, gw=300, load=200), after=figures(500, gw=600, load=400))

    assert (slower.rate, slower.cpu) == (0.5, 1.0)


def test_the_table_shows_medians_of_runs_that_followed_each_other() -> None:
    pairs = [Pair(figures(100, gw=10, load=5), figures(rate, gw=10, load=5)) for rate in (90, 100, 120)]
    console = Console(file=io.StringIO(), width=200)

    console.print(compare.table({"list-0": pairs}))

    assert console.file.getvalue().splitlines()[1].split()[:6] == ["list-0", "100", "100", "1.00", "0.90", "1.20"]  # type: ignore[attr-defined] - a StringIO


def checkout(root: Path, script: str) -> Side:
    program = root / compare.BENCH
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return Side(root, 1100)


def test_a_checkout_measures_itself_with_its_own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROWS", "of the other side")
    monkeypatch.setenv("ESHOP_STACK", "of the other side")
    row = {"name": "list-0", "rate": 1.0, "p50": 2.0, "counts": "listed", "answers": {"listed": 1}, "cpu": {}}
    report = json.dumps({"rows": [row, {**row, "name": "echo-100"}]})
    made = f"mkdir -p .eshop/bench; env > told; echo '{report}' > {compare.REPORT}"

    measured = checkout(tmp_path, made).measure(["list-0"], short=False)

    told = (tmp_path / "told").read_text().splitlines()
    assert list(measured) == ["list-0"]
    assert {"ROWS=list-0", "KEEP=1", "BENCH_PORT_OFFSET=1100"} <= set(told)
    assert not [line for line in told if line.startswith(("ESHOP_", "SHORT"))]


def test_a_bench_that_fails_twice_ends_it_with_its_own_words(tmp_path: Path) -> None:
    side = checkout(tmp_path, "echo once more >> tries; echo no k6; exit 2")

    with pytest.raises(BringUpError, match="no k6"):
        side.measure(["list-0"], short=False)

    assert (tmp_path / "tries").read_text().splitlines() == ["once more"] * 2


ROW = json.dumps({"name": "list-0", "rate": 1.0, "p50": 2.0, "counts": "listed", "answers": {"listed": 1}, "cpu": {}})


def with_diary(root: Path, name: str, diary: Path, *, breaks: bool = False) -> Side:
    """A checkout that writes down what it is asked for; one that breaks does so when it is measured."""
    made = f"mkdir -p .eshop/bench; echo '{{\"rows\": [{ROW}]}}' > {compare.REPORT}"
    side = checkout(root / name, f"echo measured {name} >> {diary}; {'exit 2' if breaks else made}")
    eshop = side.root / compare.ESHOP
    eshop.write_text(f"#!/bin/sh\necho $1 {name} >> {diary}\n")
    eshop.chmod(0o755)
    return side


def test_each_side_begins_in_turn_and_both_are_taken_down(tmp_path: Path) -> None:
    diary = tmp_path / "diary"
    old, new = (with_diary(tmp_path, name, diary) for name in ("old", "new"))

    pairs = list(compare.compare(old, new, ["list-0"], 2, lambda _text: None))

    assert [row for row, _ in pairs] == ["list-0"] * 2
    measured = ["measured old", "measured new", "measured new", "measured old"]
    assert diary.read_text().splitlines() == [*measured, "clean old", "clean new"]


def test_both_are_taken_down_where_one_can_not_be_measured(tmp_path: Path) -> None:
    diary = tmp_path / "diary"
    old, new = with_diary(tmp_path, "old", diary), with_diary(tmp_path, "new", diary, breaks=True)

    with pytest.raises(BringUpError):
        list(compare.compare(old, new, ["list-0"], 1, lambda _text: None))

    assert diary.read_text().splitlines()[-2:] == ["clean old", "clean new"]


@pytest.mark.parametrize("other", [{"base": "http://127.0.0.1:1"}, {"running": "shop"}, {"keep": True}, {"docs": True}])
def test_what_a_comparison_can_not_have_is_refused(other: dict[str, object]) -> None:
    settings: dict[str, Any] = {"base": "", "running": "", "keep": False, "docs": False, **other}
    with pytest.raises(BadSetting, match="stacks of its own"):
        cli.bench(rows="list-0", repeat=1, is_short=True, offset=0, before="/nowhere", show_list=False, **settings)
