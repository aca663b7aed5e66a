"""Brings the eshop suite up on this machine, and down again."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from dotenv import load_dotenv
from rich.markup import escape

from eshop_deploy import manifests, process
from eshop_deploy.bring_up import alone, bring_up
from eshop_deploy.clean import all_stacks, clean, clean_tools
from eshop_deploy.compose_test import transcript
from eshop_deploy.compose_test.walk import compose_test
from eshop_deploy.demo import demo, show_where_to_look
from eshop_deploy.doctor import examine
from eshop_deploy.environment import saved_settings
from eshop_deploy.equip import equip
from eshop_deploy.failures import BringUpError
from eshop_deploy.layout import StackDir, project_root, state_dir
from eshop_deploy.progress import console, done, fail, step
from eshop_deploy.settings import Settings
from eshop_deploy.show_logs import show_logs
from eshop_deploy.show_status import show_status
from eshop_deploy.suite import services
from eshop_deploy.take_down import running, take_down
from eshop_deploy.tools import k6
from eshop_deploy.waiting import stopwatch

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)

Stack = Annotated[str, typer.Option(envvar="ESHOP_STACK", help="Name of the stack.")]
Offset = Annotated[
    int | None,
    typer.Option(
        envvar="ESHOP_PORT_OFFSET",
        help="Added to every port. Kept for the stack's next start.",
        show_default=False,
    ),
]


@app.command("up")
def up_command(
    stack: Stack = "shop",
    port_offset: Offset = None,
    show_demo: Annotated[bool, typer.Option("--demo/--no-demo", help="Place one order of each kind.")] = True,
) -> None:
    """Start everything, load the demo data and place one order of each kind."""
    place = StackDir.named(stack)
    with stopwatch() as taken:
        equip()
        with alone(place):
            bring_up(place, port_offset, "all")
    done(f"Stack {stack} is up", taken())
    settings = saved_settings(place)
    if show_demo:
        demo(settings, place)
    else:
        show_where_to_look(settings, place)


@app.command("parts")
def parts_command(stack: Stack = "shop", port_offset: Offset = None) -> None:
    """Start MySQL, Redis, Kafka and the two DTMs only."""
    place = StackDir.named(stack)
    with stopwatch() as taken:
        equip()
        with alone(place):
            bring_up(place, port_offset, "parts")
    done(f"The parts of stack {stack} are up; their addresses: {place.env_file}", taken())


@app.command("down")
def down_command(stack: Stack = "shop") -> None:
    """Stop everything; data stays."""
    place = StackDir.named(stack)
    with alone(place):
        if not take_down(place):
            console.print(f"Stack {stack} is not running.")


@app.command("restart")
def restart_command(names: Annotated[list[str], typer.Argument(help="Parts.")], stack: Stack = "shop") -> None:
    """Stop single parts; the supervisor starts them again (say, after a change of code)."""
    alive = {record.name: record for record in running(StackDir.named(stack))}
    for name in names:
        if name not in alive:
            raise BringUpError(f"{name} does not run", f"Running: {', '.join(sorted(alive)) or 'nothing'}")
        with step(f"Stopping {name}"):
            process.stop(alive[name], 15)


@app.command("status")
def status_command(stack: Stack = "shop") -> None:
    """Show every part: state, port, pid, restarts, time up, memory."""
    if not show_status(StackDir.named(stack)):
        raise SystemExit(1)


@app.command("logs")
def logs_command(
    part: Annotated[str | None, typer.Argument(help="One part; all without it.")] = None,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on with what is added.")] = False,
    lines: Annotated[int, typer.Option("-n", "--lines", min=0, help="Lines of each log.")] = 20,
    stack: Stack = "shop",
) -> None:
    """Show the end of the logs."""
    show_logs(StackDir.named(stack), part, lines, follow)


@app.command("doctor")
def doctor_command(stack: Stack = "shop") -> None:
    """Say what is missing or broken, and the fix."""
    broken = 0
    for finding in examine(StackDir.named(stack)):
        if finding.fix:
            broken += 1
            fail(f"{finding.what}: {finding.told}", finding.fix)
        else:
            console.print(f"[green]ok[/]  {finding.what}: {escape(finding.told)}")
    if broken:
        raise SystemExit(1)


@app.command("demo")
def demo_command(stack: Stack = "shop") -> None:
    """Place one order of each kind on a running suite."""
    demo(_running(stack), StackDir.named(stack))


@app.command("manifests")
def manifests_command(
    check: Annotated[bool, typer.Option("--check", help="Write nothing; fail where a file is not fresh.")] = False,
) -> None:
    """Write what other tools need to be told of each service, from what the services say in their pyproject.toml."""
    root = project_root()
    stale = manifests.stale(root, services())
    if check and stale:
        names = ", ".join(str(path.relative_to(root)) for path in stale)
        raise BringUpError(f"Not what the services say: {names}", "Run: make manifests")
    for path, text in stale.items():
        path.write_text(text, "utf-8")
        console.print(f"wrote {path.relative_to(root)}")


@app.command("verify")
def verify_command(
    stack: Stack = "shop",
    deep: Annotated[bool, typer.Option("--deep", help="Also all messages and acceptances that are kept.")] = False,
    within: Annotated[float, typer.Option(min=0, help="Seconds to wait until nothing is on its way.")] = 0,
    watching: Annotated[bool, typer.Option("--watch", help="Look again and again.")] = False,
    every: Annotated[float, typer.Option(min=0.1, help="Seconds between two looks of --watch.")] = 3,
    seconds: Annotated[float | None, typer.Option("--for", help="Seconds after which --watch ends.")] = None,
    repairing: Annotated[bool, typer.Option("--repair", help="Show what can be settled safely, ask, do it.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask before --repair.")] = False,
) -> None:
    """Check all books of a running suite. Exit code: 0 balanced, 1 broken, 2 not at rest, 3 a store can't be read."""
    # Not at the top: `up`, `down` and `status` work when the workspace does not.
    from eshop_deploy.verify.command import repair, verify, watch

    settings = _running(stack)
    try:
        if watching:
            code = watch(settings, deep=deep, every=every, seconds=seconds)
        elif repairing:
            code = repair(settings, deep=deep, within=within, agreed=lambda _: yes or _agreed())
        else:
            code = verify(settings, deep=deep, within=within)
    except BringUpError as error:
        fail(error.fact, error.fix)
        code = 3
    raise SystemExit(code)


@app.command("dead-letters")
def dead_letters_command(
    stack: Stack = "shop",
    replay: Annotated[str, typer.Option(help='Offsets, as "3,5", or "all" that wait.', show_default=False)] = "",
) -> None:
    """List what the order queue has put aside, or write it into the queue again."""
    from eshop_deploy.dead_letters import dead_letters  # not at the top, for the same reason

    dead_letters(_running(stack), replay)


def _agreed() -> bool:
    """Without a terminal or --yes it stays a dry run."""
    return sys.stdin.isatty() and typer.confirm("Do this?")


def _running(stack: str) -> Settings:
    place = StackDir.named(stack)
    if not place.env_file.is_file():
        raise BringUpError(f"Stack {stack} is not running", "Run: make up")
    return saved_settings(place)


@app.command("clean")
def clean_command(
    stack: Stack = "shop",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="Every stack, and the tools.")] = False,
) -> None:
    """Stop a stack and remove its data."""
    doomed = f"every stack in {state_dir()} and the tools" if everything else f"all data of stack {stack}"
    if not yes and not (sys.stdin.isatty() and typer.confirm(f"Remove {doomed}?")):
        raise BringUpError("Nothing was removed", "Say --yes to remove it (make clean YES=1)")
    for place in all_stacks() if everything else [StackDir.named(stack)]:
        with alone(place):
            clean(place)
    if everything:
        clean_tools()


@app.command("where")
def where_command(stack: Stack = "shop") -> None:
    """Print the folder of a stack: its `env`, logs and data."""
    print(StackDir.named(stack).path)  # noqa: T201 - for scripts, without any wrapping


@app.command("k6")
def k6_command() -> None:
    """Install the load generator k6."""
    with step("Installing k6"):
        path = k6.binary() or k6.install(state_dir() / "setup.log")
    console.print(str(path))


@app.command("compose-test")
def compose_test_command(
    port_offset: Annotated[int, typer.Option(help="Added to every port.")] = 2200,
    full: Annotated[bool, typer.Option("--full", help="Also the README's k6 command lines, as they stand.")] = False,
    page: Annotated[Path | None, typer.Option("--transcript", help="A page to keep what was seen.")] = None,
) -> None:
    """Try compose.yaml: build, start, order, load, kill every container, check the books, take down."""
    transcript.record()
    with stopwatch() as taken:
        ran = compose_test(port_offset, full=full)
    if ran:
        done("compose-test: everything held", taken())
    if ran and page:
        transcript.keep(page, f"{os.cpu_count()} cores, load average {os.getloadavg()[2]:.0f} over the last 15 minutes")


def main() -> None:
    try:
        load_dotenv(project_root() / ".env")  # what the shell says stands above it
        app(prog_name="eshop")
    except BringUpError as error:
        fail(error.fact, error.fix)
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        console.print("\nStopped watching. What was started goes on: make status, make down")
        raise SystemExit(130) from None
