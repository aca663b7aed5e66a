"""`eshop verify`: looks, tells, and ends with a code for scripts."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import groupby

from rich.markup import escape

from eshop_deploy.progress import console, errors, step
from eshop_deploy.settings import Settings
from eshop_deploy.verify.findings import Finding, Look
from eshop_deploy.verify.history import history
from eshop_deploy.verify.look import Books, open_books, wait_until_at_rest
from eshop_deploy.verify.repair import Repair, plan
from eshop_deploy.verify.stores import snapshot

BALANCED, BROKEN, ON_ITS_WAY = 0, 1, 2
INVARIANTS = {
    "I1": "stock, its ledger and live orders agree",
    "I2": "flash sales add up and agree with MySQL",
    "I3": "what was accepted is one order",
    "I4": "a coupon is used where a live order has it",
    "I5": "a live order has one payment of its amount",
    "I6": "every transaction ends, a failed one is undone",
    "I7": "the queue is drained, dead letters are accounted for",
    "I8": "limits per user hold",
    "I9": "lists tell how many rows they have",
}
# As many culprits of one invariant are told with their history; the others are counted.
TOLD = 5
# One repair may uncover another: a sale that is set again leaves its lost units to the next round.
ROUNDS = 3


def verify(settings: Settings, *, deep: bool, within: float) -> int:
    """Looks until the suite is at rest, `within` seconds at most, and tells what it saw. Returns the exit code."""
    with open_books(settings, deep=deep) as books:
        look = wait_until_at_rest(books, within, _still)
        _tell(books, look)
    return code_of(look)


def repair(settings: Settings, *, deep: bool, within: float, agreed: Callable[[list[Repair]], bool]) -> int:
    """Shows what can be settled safely and, once that is agreed to, does it. Returns the code of a last look."""
    with open_books(settings, deep=deep) as books:
        for _ in range(ROUNDS):
            look = wait_until_at_rest(books, within, _still)
            repairs = plan(books, look)
            _tell(books, look)
            _tell_plan(look, repairs)
            if not repairs or not agreed(repairs):
                return code_of(look)
            for thing in repairs:
                with step(thing.what):
                    thing.do()
        return code_of(books.verdict())


def _tell_plan(look: Look, repairs: list[Repair]) -> None:
    for thing in repairs:
        console.print(f"to do: {escape(thing.what)} ({escape(thing.why)})")
    if repairs or not look.findings:
        return
    if look.at_rest:
        console.print("No safe repair is known for what is broken: it needs somebody who knows what happened.")
    else:
        console.print("No sale is repaired while something is on its way; wait with --within.")


def watch(settings: Settings, *, deep: bool, every: float, seconds: float | None) -> int:
    """Looks again and again, a line each, for `seconds` or until stopped. BROKEN when anything was ever found."""
    end = None if seconds is None else time.monotonic() + seconds
    worst = BALANCED
    with open_books(settings, deep=deep) as books:
        while True:
            look = books.verdict()
            console.print(f"{time.strftime('%H:%M:%S')}  {_line(look)}")
            if look.findings:
                worst = BROKEN
                _tell_findings(books, look)
            if end is not None and time.monotonic() + every > end:
                return worst or code_of(look)
            time.sleep(every)


def code_of(look: Look) -> int:
    """0: balanced and at rest; 1: an invariant is broken; 2: nothing is broken, and something is on its way."""
    if look.findings:
        return BROKEN
    return BALANCED if look.at_rest else ON_ITS_WAY


def _still(look: Look) -> None:
    console.print(f"... {_line(look)}")


def _line(look: Look) -> str:
    verdict = f"[red]{len(look.findings)} broken[/]" if look.findings else "[green]nothing broken[/]"
    way = "; ".join(map(str, look.on_its_way)) or "at rest"
    return f"{verdict}, {escape(way)} ({_counted(look)}, {look.seconds:.1f} s)"


def _counted(look: Look) -> str:
    aside = f", {look.put_aside} dead letters" if look.put_aside else ""
    return ", ".join(f"{number:,} {name}" for name, number in look.counted.items()) + aside


def _tell(books: Books, look: Look) -> None:
    broken = {finding.invariant for finding in look.findings}
    for name, meaning in INVARIANTS.items():
        mark = "[red]!![/]" if name in broken else "[green]ok[/]"
        console.print(f"{mark}  {name} {meaning}")
    for thing in look.on_its_way:
        console.print(f"[yellow]..[/]  on its way: {escape(str(thing))}")
    if look.put_aside:
        console.print(f"    {look.put_aside} dead letters; list them with: make dead-letters")
    console.print(f"    looked at {_counted(look)} in {look.seconds:.1f} s")
    _tell_findings(books, look)


def _tell_findings(books: Books, look: Look) -> None:
    by_invariant = groupby(sorted(look.findings, key=_place), key=lambda finding: finding.invariant)
    with snapshot(books.mysql) as db:
        for invariant, group in by_invariant:
            found = list(group)
            for finding in found[:TOLD]:
                errors.print(f"[red]!![/]  {escape(str(finding))}")
                for line in history(db, finding):
                    errors.print(f"      {escape(line)}")
            for finding in found[TOLD:]:
                errors.print(f"[red]!![/]  {escape(str(finding))}")
            errors.print(f"    {invariant} is broken by {len(found)}")


def _place(finding: Finding) -> tuple[str, str, str]:
    return finding.invariant, finding.what, finding.name
