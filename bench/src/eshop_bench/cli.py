"""Measures the suite under load, and checks its books after every row."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer
from dotenv import load_dotenv
from rich.console import Console
from rich.status import Status

from eshop_bench import compare, usage
from eshop_bench import stack as stacks
from eshop_bench.measure import Bench
from eshop_bench.report import WIDTH, Report
from eshop_bench.results import Result
from eshop_bench.rows import BY_NAME, Row, chosen
from eshop_bench.run import Run, Wish
from eshop_bench.scene import Stage
from eshop_bench.stores import open_stores
from eshop_deploy.stacks import (
    DEFAULT_PORTS,
    BadSetting,
    BringUpError,
    Gateway,
    StackDir,
    console,
    fail,
    project_root,
    saved_settings,
    state_dir,
)

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
# From the gateway's port on; nothing of a stack is there.
ECHO_PORT = 9
INTERRUPTED = 130
# From the ports of the stack that is measured to those of the checkout it is compared with.
COMPARED_OFFSET = 1100
# What a process has open besides its connections with users.
SPARE_FILES = 200


@app.command(help=__doc__)
def bench(
    rows: Annotated[str, typer.Option(envvar="ROWS", help="Names of rows, with commas; all without it.")] = "",
    repeat: Annotated[int, typer.Option(envvar="REPEAT", min=1, help="Runs of each row; the median is shown.")] = 1,
    is_short: Annotated[bool, typer.Option("--short", envvar="SHORT", help="Two seconds for each row.")] = False,
    base: Annotated[str, typer.Option(envvar="BASE", help="http://host:port of another gateway.")] = "",
    running: Annotated[str, typer.Option(envvar="STACK", help="A running stack instead of the bench's own.")] = "",
    keep: Annotated[bool, typer.Option("--keep", envvar="KEEP", help="Leave the bench's stack up.")] = False,
    offset: Annotated[
        int, typer.Option(envvar="BENCH_PORT_OFFSET", help="Added to every port of the bench's stack.")
    ] = stacks.PORT_OFFSET,
    docs: Annotated[bool, typer.Option("--docs", envvar="DOCS", help="Write docs/bench.json and .svg too.")] = False,
    before: Annotated[
        str, typer.Option(envvar="BEFORE", help="Another checkout, measured in turn with this one.")
    ] = "",
    show_list: Annotated[bool, typer.Option("--list", help="Name the rows, and measure nothing.")] = False,
) -> None:
    if show_list:
        _list()
        return
    measured = _with_files_for(_chosen(rows), stacks.allow_open_files())
    if before:
        if base or running or keep or docs:
            raise BadSetting("BEFORE has stacks of its own", "Leave out BASE, STACK, KEEP and DOCS")
        _compare(Path(before), measured, repeat, offset, is_short=is_short)
        return
    wish = Wish(measured, repeat, is_short)
    report = Report()
    _turn_terms_into_interrupts()
    try:
        with ExitStack() as opened:
            if base:
                _measure_elsewhere(base, wish, report)
            else:
                own = stacks.own_stack(offset, keep=keep)
                place = stacks.named_stack(running) if running else opened.enter_context(own)
                _measure(place, wish, report, reset=not running)
    except KeyboardInterrupt:
        console.print(f"\nStopped; {'the stack stays up' if keep else 'nothing that was started is left running'}.")
        raise SystemExit(INTERRUPTED) from None
    finally:
        _tell(report, docs=docs)
    if report.void:
        fail("Books are wrong: the rows marked VOID prove nothing", "")
        raise SystemExit(1)


def _list() -> None:
    for row in BY_NAME.values():
        console.print(f"{row.name:20} {row.title}, {row.users:,} users, {row.seconds:g} s")


def _compare(before: Path, rows: list[Row], rounds: int, offset: int, *, is_short: bool) -> None:
    """What was measured is kept and shown, also when it ends early."""
    if not (before / compare.BENCH).is_file():
        raise BadSetting(f"BEFORE={before} is no checkout with {compare.BENCH}", "Run there: make bootstrap")
    _turn_terms_into_interrupts()
    sides = compare.Side(before.resolve(), offset + COMPARED_OFFSET), compare.Side(project_root(), offset)
    names = [row.name for row in rows if not row.is_echo]
    pairs: dict[str, list[compare.Pair]] = {}
    try:
        for name, pair in compare.compare(*sides, names, rounds, console.print, short=is_short):
            pairs.setdefault(name, []).append(pair)
            console.print(f"[green]ok[/]  {name}: {pair}")
    except KeyboardInterrupt:
        console.print("\nStopped; nothing that was started is left running.")
        raise SystemExit(INTERRUPTED) from None
    finally:
        if pairs:
            _tell_compared(pairs)


def _tell_compared(pairs: dict[str, list[compare.Pair]]) -> None:
    Console(file=console.file, width=WIDTH, highlight=False).print(compare.table(pairs), "", compare.parts(pairs))
    kept = state_dir() / "bench" / "compare.json"
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text(json.dumps(compare.as_json(pairs), indent=1) + "\n", "utf-8")
    console.print(f"[dim]{kept}[/]")


def _chosen(names: str) -> list[Row]:
    try:
        return chosen(names)
    except KeyError as unknown:
        raise BadSetting(f"There is no row {unknown}", f"Rows: {', '.join(BY_NAME)}, echo-USERS") from None


def _with_files_for(rows: list[Row], files: int) -> list[Row]:
    """Leaves out rows whose users need more open files than there may be."""
    most = files - SPARE_FILES
    if left_out := [row.name for row in rows if row.users > most]:
        console.print(f"Left out, since ulimit -n is {files:,}: {', '.join(left_out)}")
    return [row for row in rows if row.users <= most]


def _turn_terms_into_interrupts() -> None:
    """A terminated bench takes down what it started, as after ctrl-C."""

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)


def _measure(place: StackDir, wish: Wish, report: Report, *, reset: bool) -> None:
    """Measures a stack of this machine, whose stores and processes can be looked at."""
    settings = saved_settings(place)
    if not reset:
        wish = _without_fills(wish, "a stack that others use keeps its orders")
    with open_stores(settings) as stores, _telling() as tell:
        stage = Stage(Gateway(settings.host, settings.ports["gw_http"]), stores, tell, reset=reset)
        base = f"http://{settings.address('gw_http')}"
        bench = Bench(stacks.k6_program(), base, stage, stores, lambda: usage.pids(place), tell)
        report.idle = usage.pss_mb(usage.pids(place))
        Run(bench, settings.host, settings.ports["gw_http"] + ECHO_PORT, _keeping(report)).measure(wish)


def _measure_elsewhere(base: str, wish: Wish, report: Report) -> None:
    """Measures any gateway that speaks the same routes; only its answers can be seen."""
    address = urlsplit(base)
    if address.scheme != "http" or not address.hostname:
        raise BadSetting(f"BASE={base} is no http://host:port", "Say, for example: BASE=http://127.0.0.1:8080")
    report.note = f"{base}: only its answers were seen, no books, no CPU, no memory"
    console.print(report.note)
    wish = _without_fills(wish, "the order table is out of reach")
    with _telling() as tell:
        stage = Stage(Gateway(address.hostname, address.port or 80), None, tell, reset=False)
        bench = Bench(stacks.k6_program(), base.rstrip("/"), stage, None, dict, tell)
        echo_port = DEFAULT_PORTS["gw_http"] + stacks.PORT_OFFSET + ECHO_PORT
        Run(bench, "127.0.0.1", echo_port, _keeping(report)).measure(wish)


def _without_fills(wish: Wish, why: str) -> Wish:
    if left_out := [row.name for row in wish.rows if row.rows]:
        console.print(f"Left out, since {why}: {', '.join(left_out)}")
    return wish.without_fills()


def _keeping(report: Report) -> Callable[[Result], None]:
    def keep(result: Result) -> None:
        report.keep(result)
        wrong = f" [bold red]VOID[/]: {'; '.join(result.problems)}" if result.void else ""
        told = f"{result.rate:,.0f}/s, p50 {result.p50:.1f} ms, p99 {result.p99:.1f} ms"
        console.print(f"[green]ok[/]  {result.name}: {told}{wrong}")

    return keep


def _tell(report: Report, *, docs: bool) -> None:
    if not report.runs:
        return
    console.print()
    report.show(console)
    for folder in [state_dir() / "bench", *([project_root() / "docs"] if docs else [])]:
        console.print(f"[dim]{', '.join(str(path) for path in report.save(folder))}[/]")


@contextmanager
def _telling() -> Generator[Callable[[str], None]]:
    """Gives a function that says what is being done, in one line that moves where there is a terminal."""
    if not console.is_terminal:
        yield lambda _text: None
        return
    with Status("", console=console) as status:
        yield status.update


def main() -> None:
    try:
        load_dotenv(project_root() / ".env")  # what the shell says stands above it
        app(prog_name="eshop-bench")
    except BringUpError as error:
        fail(error.fact, error.fix)
        raise SystemExit(2) from None
