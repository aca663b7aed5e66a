"""The table and the files that a run leaves behind."""

import io
import json
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from eshop_bench.report import Report
from eshop_bench.results import Result

ECHO = Result("echo-200", "bare FastAPI echo", "echoed", 200, 5.0, 5000.0, 30.0, 50.0, 70.0, {"echoed": 25_000})
FLASH = replace(
    ECHO,
    name="flash-200",
    title="flash sale",
    counts="accepted",
    rate=2500.0,
    p99=250.0,
    ratio=0.5,
    answers={"accepted": 25_000, "running": 3},
    checked=True,
    cpu={"gw": 5.0, "k6": 7.0},
    memory={"gw": 120.0, "order": 130.0, "mysql": 300.0},
)
WRONG = "there are 25000 orders and 24999 payments"


def report(*results: Result) -> Report:
    made = Report(idle={"gw": 100.0, "mysql": 250.0})
    for result in results:
        made.keep(result)
    return made


def shown(made: Report) -> list[str]:
    console = Console(file=io.StringIO(), width=60)
    made.show(console)
    return console.file.getvalue().splitlines()  # type: ignore[attr-defined] - a StringIO


def line(lines: list[str], name: str) -> str:
    return next(line for line in lines if line.startswith(name))


def test_the_table_has_a_line_for_each_row() -> None:
    told = line(shown(report(ECHO, FLASH)), "flash-200")

    for figure in ("2,500", "250.0", "0.50", "agree", "k6 7.0 gw 5.0", "running 3"):
        assert figure in told, told
    assert "met: rate ≥ 2,000" in told
    assert "not met: p99 ≤ 220" in told


def test_a_void_row_says_so_and_why() -> None:
    lines = shown(report(FLASH, replace(FLASH, problems=(WRONG,))))

    assert "VOID" in line(lines, "flash-200")
    assert f"flash-200: {WRONG}" in lines


def test_the_memory_of_the_services_alone_is_compared_with_its_floors() -> None:
    lines = shown(report(FLASH))

    assert "memory of the eight services: met: idle 100 MB ≤ 700" in lines
    assert "memory of the eight services: met: after 250 MB ≤ 900" in lines


def test_a_gateway_elsewhere_shows_no_memory() -> None:
    assert Report(runs={"flash-200": [replace(FLASH, memory={})]}).memory() == []


def test_the_files_hold_all_figures(tmp_path: Path) -> None:
    figures, picture = report(ECHO, FLASH, replace(FLASH, rate=3000.0)).save(tmp_path)

    rows = {row["name"]: row for row in json.loads(figures.read_text())["rows"]}
    assert rows["flash-200"]["rate"] == 2500
    assert rows["flash-200"]["rates"] == {"least": 2500, "median": 2750, "greatest": 3000}
    assert rows["flash-200"]["cpu"] == {"gw": 5.0, "k6": 7.0}
    assert (rows["flash-200"]["runs"], rows["flash-200"]["void"]) == (2, False)
    assert {"text": "rate ≥ 2,000", "met": True} in rows["flash-200"]["floors"]
    assert "flash sale" in picture.read_text()
