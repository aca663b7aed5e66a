"""Bringing a stack up: check, write its plan, have a supervisor carry it out, watch until all is ready."""

from __future__ import annotations

import fcntl
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager

from eshop_deploy import process
from eshop_deploy.environment import chosen_settings, saved_settings, write_env
from eshop_deploy.failures import BringUpError, MissingTool, PartFailed
from eshop_deploy.layout import StackDir, code_version
from eshop_deploy.parts import Goal, parts_of, services
from eshop_deploy.plan import Plan, last_offset, write_plan
from eshop_deploy.ports import require_distinct, require_free
from eshop_deploy.secret import with_secret
from eshop_deploy.settings import SERVICES, Settings
from eshop_deploy.status import PartStatus, StackStatus, read_status
from eshop_deploy.take_down import running
from eshop_deploy.waiting import Watch

# A part that failed this often without ever being ready will not come up by itself.
HOPELESS_AFTER = 3
LONGEST_SECONDS = 240.0
SUPERVISOR_SECONDS = 10.0


@contextmanager
def alone(stack: StackDir) -> Generator[None]:
    """One command at a time changes a stack."""
    stack.make()
    with (stack.path / "command.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BringUpError(f"Another command works on stack {stack.name}", "Wait for it to end") from None
        yield


def bring_up(stack: StackDir, port_offset: int | None, goal: Goal) -> StackStatus:
    """Returns once every part of the goal is ready; parts that are up already stay as they are."""
    if goal == "all" and (absent := services.missing()):
        raise MissingTool(f"Not installed: {', '.join(absent)}", "Run: make up (it installs the workspace first)")
    goal = "all" if goal == "parts" and _services_run(stack) else goal
    offset = last_offset(stack) if port_offset is None else port_offset
    settings = with_secret(stack, chosen_settings(stack.name, offset))
    require_distinct(settings)
    require_free(parts_of(stack, settings, goal), own=_own_ports(stack))
    plan = Plan(goal, time.time_ns(), offset)
    _start(stack, settings, plan)
    return _watch(stack, plan)


def _services_run(stack: StackDir) -> bool:
    """Asking a whole suite for its parts takes nothing away from it."""
    return any(record.name in SERVICES for record in running(stack))


def _own_ports(stack: StackDir) -> set[int]:
    """Ports that this stack's living processes were started with."""
    if not stack.env_file.is_file():
        return set()
    alive = {record.name for record in running(stack)}
    before = parts_of(stack, saved_settings(stack), "all")
    return {port for part in before if part.name in alive for port in part.ports.values()}


def _start(stack: StackDir, settings: Settings, plan: Plan) -> None:
    write_env(stack, settings)
    write_plan(stack, plan)
    if (supervisor := process.read_record(stack.supervisor_record)) is not None:
        if supervisor.fingerprint == code_version():
            supervisor.signal(signal.SIGHUP)
            return
        process.stop(supervisor, SUPERVISOR_SECONDS)  # of an older checkout; the next one adopts its parts
    stack.status_file.unlink(missing_ok=True)
    with stack.log("supervisor").open("ab") as log:
        subprocess.Popen(
            [sys.executable, "-m", "eshop_deploy.supervisor", str(stack.path)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def _watch(stack: StackDir, plan: Plan) -> StackStatus:
    """Shows each part as it gets ready."""
    began = time.monotonic()
    with Watch() as watch:
        while (waited := time.monotonic() - began) < LONGEST_SECONDS:
            status = read_status(stack.status_file)
            if status is not None and status.plan >= plan.number:
                watch.show(status)
                if status.ready:
                    return status
                _give_up_on_hopeless(stack, status)
            if waited > SUPERVISOR_SECONDS and process.read_record(stack.supervisor_record) is None:
                raise PartFailed("The supervisor has ended", f"See {stack.log('supervisor')}, then: eshop up")
            time.sleep(0.1)
    raise PartFailed(_late(stack), "See: eshop status, eshop doctor")


def _give_up_on_hopeless(stack: StackDir, status: StackStatus) -> None:
    hopeless = next((part for part in status.parts if part.failures >= HOPELESS_AFTER), None)
    if hopeless is not None:
        raise PartFailed(_told(hopeless), f"Its log: {stack.log(hopeless.name)}. Then: eshop doctor, eshop up")


def _late(stack: StackDir) -> str:
    status = read_status(stack.status_file)
    late = [part for part in status.parts if part.state != "ready"] if status else []
    told = "; ".join(f"{part.name}: {part.detail or part.state}" for part in late)
    return f"Stack {stack.name} is not ready after {LONGEST_SECONDS:.0f} s: {told or 'no word of it'}"


def _told(part: PartStatus) -> str:
    return f"{part.name} does not come up: {part.detail.partition('; starting again')[0]}"
