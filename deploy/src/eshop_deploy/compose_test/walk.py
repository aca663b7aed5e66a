"""The test itself: build, bring up, walk through, load, kill, take down and bring up again, and count."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

from eshop_deploy import demo
from eshop_deploy.compose_test import images, load, transcript
from eshop_deploy.compose_test.engine import compose_command, engine, engine_version
from eshop_deploy.compose_test.own_engine import NoEngine, log_file
from eshop_deploy.compose_test.suite import Suite
from eshop_deploy.environment import write_env
from eshop_deploy.failures import BringUpError, PartFailed
from eshop_deploy.gateway import Gateway
from eshop_deploy.layout import StackDir
from eshop_deploy.ports import require_distinct, reserved
from eshop_deploy.progress import console, step
from eshop_deploy.secret import VARIABLE
from eshop_deploy.settings import DEFAULT_PORTS, SERVICES, Settings, read_settings, variable

PROJECT = "eshop-compose-test"
IMAGE_PREFIX = "eshop"
MEGABYTE = 1e6
REST_SECONDS = 120
REPLICAS = {"order": 3, "stock": 2}
# Programs that people run from the host, the orders they place, and the books.
HOST_TESTS = ("test/programs", "test/flows/test_orders.py", "test/flows/test_books.py")
REPLICA_TESTS = ("test/containers/test_several_of_one.py", "test/containers/test_sick_and_rolled.py")
KILL_TESTS = ("test/containers/test_killed_containers.py",)


def compose_test(port_offset: int, *, full: bool = False) -> bool:
    """Runs everything; False, and one loud line, where no engine can be had. `full`: also the README's load."""
    log_file().parent.mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGTERM, _stop)
    settings = read_settings({}).shifted(port_offset)
    require_distinct(settings)
    try:
        with engine() as env:
            _test(env, settings, full=full)
    except NoEngine as reason:
        bar = "=" * 78
        console.print(f"[bold yellow]{bar}\nSKIPPED: the suite in containers was not tested. {reason}\n{bar}[/]")
        return False
    return True


def _stop(signum: int, _: object) -> NoReturn:
    """What was started is taken down on the way out."""
    raise SystemExit(128 + signum)


def _test(env: Mapping[str, str], settings: Settings, *, full: bool) -> None:
    stack = StackDir.named("compose-test")
    stack.make()
    write_env(stack, settings)
    # A busy engine may take longer than the minute that docker-compose waits for an answer.
    patient = {**env, "COMPOSE_HTTP_TIMEOUT": "600"}
    suite = Suite(compose_command(env), PROJECT, {**patient, **_ports(settings), **_choices()})
    console.print(f"    Docker Engine {engine_version(env)}, Compose {suite.version()}")
    suite.down("--volumes", "--remove-orphans")
    try:
        _build(suite)
        with reserved(settings):
            _walk(suite, settings, stack, full=full)
    except BringUpError:
        suite.run("logs", "--no-color", "--tail=60", what="docker compose logs")
        raise
    finally:
        with step("Down, volumes too"):
            suite.down("--volumes", "--remove-orphans")


def _choices() -> dict[str, str]:
    """Redis syncs every write, since it will be killed: what it may lose otherwise is known (see Limits)."""
    chosen = {"ESHOP_IMAGES": IMAGE_PREFIX, "ESHOP_REDIS_APPENDFSYNC": "always", "ESHOP_LOG_FORMAT": "json"}
    own = os.environ.get("ESHOP_COMPOSE_STANDINS", "1") == "1"
    return {**chosen, **images.settings()} if own else chosen


def _ports(settings: Settings) -> dict[str, str]:
    return {variable(name): str(port) for name, port in settings.ports.items()}


def _build(suite: Suite) -> None:
    if "MYSQL_IMAGE" in suite.env:
        images.build_stand_ins(suite.env)
    with step("Compose file: docker compose config"):
        suite.run("config", "-q", what="docker compose config")
    with step("Images of the suite"):
        suite.run("build", what="docker compose build")
    names = ["dtm", "deploy", *(service.replace("_", "-") for service in SERVICES)]
    found = images.sizes(suite.env, [f"{IMAGE_PREFIX}/{name}:latest" for name in names])
    for image, size in found.items():
        console.print(f"    {image:24} {size / MEGABYTE:4.0f} MB")


def _walk(suite: Suite, settings: Settings, stack: StackDir, *, full: bool) -> None:
    with step("Up: new containers, empty volumes, until everything is healthy"):
        suite.up()
    # The containers made it; what looks at their books from here must have it, too.
    secret = suite.output("exec", "-T", "order", "cat", "/keys/order-id-key").strip()
    settings = replace(settings, extra={**settings.extra, VARIABLE: secret})
    write_env(stack, settings)
    console.print(f"    {len(suite.containers())} containers, memory in use {suite.memory() / MEGABYTE:.0f} MB")
    with step("Walk: one order of each kind"):
        _order_each(settings)
        _verify(stack)
    with step("k6 in a container"):
        load.from_container(suite)
    if full:
        load.from_host(settings.address("gw_http"))
        with step("The books after it: eshop verify"):
            _verify(stack)
    with step(" and ".join(f"{count} of {name}" for name, count in REPLICAS.items())):
        scaled = _scaled(suite)
        scaled.up("--no-build", *_scale_words())
        _pytest(scaled, settings, stack, REPLICA_TESTS)
    with step("Under load: every container killed in turn, then down and up"):
        _pytest(scaled, settings, stack, KILL_TESTS)
    with step("The books of everything: eshop verify"):
        _verify(stack)
    # Last, since the client scripts' tests call single branches, which no transaction accounts for.
    with step("From the host: client scripts, load scripts, orders, books"):
        _pytest(scaled, settings, stack, HOST_TESTS)


def _order_each(settings: Settings) -> None:
    gateway = Gateway(settings.host, settings.ports["gw_http"])
    user, product = demo.load(gateway)
    for outcome in demo.order_one_of_each(gateway, user, product):
        console.print(f"    {outcome.kind:16} {outcome.status:10} {outcome.seconds * 1000:5.0f} ms  {outcome.order_id}")
        if outcome.status != "confirmed":
            raise PartFailed(f"{outcome.kind} is {outcome.status}: {outcome.reason}")


def _verify(stack: StackDir) -> None:
    """Waits until nothing is on its way, and looks at all books."""
    eshop = str(Path(sys.executable).with_name("eshop"))
    if transcript.shown([eshop, "verify", "--stack", stack.name, "--within", str(REST_SECONDS)]):
        raise PartFailed("The books do not balance", f"Logs of the suite are in {log_file()}")


def _scale_words() -> list[str]:
    return [word for name, count in REPLICAS.items() for word in ("--scale", f"{name}={count}")]


def _scaled(suite: Suite) -> Suite:
    """Two containers can't share a port of the host: those of services with several get any free one."""
    free = {variable(f"{name}_{kind}"): "0" for name in REPLICAS for kind in ("http", "grpc")}
    return replace(suite, env={**suite.env, **free})


def _as_published(suite: Suite, settings: Settings) -> Settings:
    """The settings with the ports that the engine chose for the first container of each replicated service."""
    ports = dict(settings.ports)
    for name in REPLICAS:
        first = suite.containers(name)[0]
        for kind in ("http", "grpc"):
            inside = DEFAULT_PORTS[f"{name}_{kind}"]
            ports[f"{name}_{kind}"] = int(first.ports[f"{inside}/tcp"][0]["HostPort"])
    return replace(settings, ports=ports)


def _pytest(suite: Suite, settings: Settings, stack: StackDir, tests: tuple[str, ...]) -> None:
    """Runs tests from the host. A container that was started again may be published elsewhere than before."""
    write_env(stack, _as_published(suite, settings))
    argv = [sys.executable, "-m", "pytest", "-q", "-s", "--no-header", "-p", "no:cacheprovider", *tests]
    env = {
        **suite.env,
        "ESHOP_TEST_STACK": str(stack.env_file),
        "ESHOP_COMPOSE_PROJECT": suite.project,
        "ESHOP_COMPOSE_COMMAND": "\n".join(suite.argv),
        "ESHOP_COMPOSE_SCALE": "\n".join(_scale_words()),
        "K6": load.binary(),
    }
    if transcript.shown(argv, env):
        raise PartFailed("Tests failed on the suite in containers", f"Its logs are in {log_file()}")
