"""Taking a stack down: first the supervisor, so that nothing comes back, then the parts, last ones first."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from eshop_deploy import process
from eshop_deploy.layout import StackDir
from eshop_deploy.parts import layer_of
from eshop_deploy.process import Record
from eshop_deploy.progress import console, step

# Long enough for MariaDB to write its pages; services drain for about a second.
PATIENCE_SECONDS = 30.0


def take_down(stack: StackDir) -> bool:
    """Stops what runs of a stack, also when its supervisor is gone. False if nothing ran."""
    supervisor = process.read_record(stack.supervisor_record)
    if supervisor is not None:
        process.stop(supervisor, PATIENCE_SECONDS)
    alive = running(stack)
    for layer in sorted({layer_of(record.name) for record in alive}, reverse=True):
        group = [record for record in alive if layer_of(record.name) == layer]
        with step(f"Stopping {', '.join(record.name for record in group)}"):
            _stop_together(group)
    for file in (stack.path / "pids").glob("*.json"):
        file.unlink()
    stack.status_file.unlink(missing_ok=True)
    return bool(supervisor or alive)


def running(stack: StackDir) -> list[Record]:
    """Every process of the stack that is alive, recorded or only marked."""
    found = {record.pid: record for record in process.strays(stack)}
    for file in (stack.path / "pids").glob("*.json"):
        if (record := process.read_record(file)) is not None:
            found[record.pid] = record
    return [record for record in found.values() if record.name != "supervisor"]


def _stop_together(group: list[Record]) -> None:
    with ThreadPoolExecutor(len(group)) as pool:
        for record, willingly in zip(group, pool.map(_stop, group), strict=True):
            if not willingly:
                console.print(f"[yellow]..[/]  {record.name} did not stop and was killed")


def _stop(record: Record) -> bool:
    return process.stop(record, PATIENCE_SECONDS)
