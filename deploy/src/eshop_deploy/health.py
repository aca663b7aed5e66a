"""How the parts of a stack do right now: what the supervisor says, checked against the parts themselves."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from eshop_deploy import process
from eshop_deploy.environment import saved_settings
from eshop_deploy.layout import StackDir
from eshop_deploy.part import Part
from eshop_deploy.parts import parts_of
from eshop_deploy.plan import read_plan
from eshop_deploy.process import Record
from eshop_deploy.status import PartStatus, read_status


@dataclass(frozen=True)
class Health:
    """`trouble` is empty for a part that works; `fix` then is, too."""

    part: Part
    state: str
    restarts: int
    record: Record | None
    trouble: str = ""
    fix: str = ""


def supervisor_alive(stack: StackDir) -> bool:
    return process.read_record(stack.supervisor_record) is not None


def look(stack: StackDir) -> list[Health]:
    """Asks every part of the plan at once; empty for a stack that was never started or was taken down."""
    if not stack.plan_file.is_file() or not any((stack.path / "pids").glob("*.json")):
        return []
    parts = parts_of(stack, saved_settings(stack), read_plan(stack).goal)
    status = read_status(stack.status_file)
    said = {part.name: part for part in status.parts} if status else {}
    with ThreadPoolExecutor(len(parts)) as pool:
        looks = [pool.submit(_look_at, stack, part, said.get(part.name)) for part in parts]
    return [health.result() for health in looks]


def _look_at(stack: StackDir, part: Part, said: PartStatus | None) -> Health:
    record = process.read_record(stack.record(part.name))
    restarts = said.restarts if said else 0
    if record is None:
        return _dead(stack, part, said)
    if process.is_paused(record.pid):
        fix = f"Run: kill -CONT {record.pid}"
        return Health(part, "paused", restarts, record, f"process {record.pid} has been stopped by a signal", fix)
    missing = part.ready()
    if missing is None:
        return Health(part, "ready", restarts, record)
    if said and said.state in ("starting", "preparing"):
        return Health(part, said.state, restarts, record, missing, "Wait a few seconds")
    return Health(part, "not answering", restarts, record, missing, f"See its log: {stack.log(part.name)}")


def _dead(stack: StackDir, part: Part, said: PartStatus | None) -> Health:
    if said is None or not supervisor_alive(stack):
        return Health(part, "down", 0, None, "it does not run, and nobody would start it", "Run: eshop up")
    told = said.detail or "it does not run"
    return Health(part, said.state, said.restarts, None, told, f"See its log: {stack.log(part.name)}")
