"""The other half of I3: every unit that a flash sale gave away becomes one order.

A unit is looked for where it can be: in DTM-Redis while its message is unfinished, then in the queue, then in MySQL.
These are read in the order in which it moves, after the sale itself; a unit that two looks, one after the other, found
nowhere is lost.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import cast

import redis

from eshop_chassis.kafka import Standing
from eshop_deploy.verify.findings import Finding
from eshop_deploy.verify.sales import Sale, Unit
from eshop_deploy.verify.stores import Snapshot, chunks
from eshop_deploy.verify.transactions import Messages, progress

BARRIERS = "flash:{*}:barrier:*:00:msg"
MOST_MISSING = 10_000
_MESSAGE = re.compile(r"^flash:\{(\d+)\}:barrier:([^:]+):00:msg$")


def lost_units(
    db: Snapshot, not_booked: list[tuple[Sale, Unit]], messages: Messages, spans: list[Standing]
) -> Iterator[Finding]:
    """Units that left Redis and are neither on their way nor an order. `messages` and `spans` were read after `db`."""
    if any(span.end > span.done for span in spans):
        return
    sql = "SELECT order_id, state FROM eshop_order.order_record WHERE order_id IN ({})"
    states = dict(db.among(sql, [unit.ref for _, unit in not_booked]))
    returning = "SELECT order_id FROM eshop_order.unit_return WHERE order_id IN ({})"
    waiting = {row[0] for row in db.among(returning, list(states))}
    aside = put_aside(db, [unit.ref for _, unit in not_booked])
    sagas = progress(db, {unit.ref.partition("/")[0] for _, unit in not_booked if "/" in unit.ref})
    for sale, unit in not_booked:
        if messages.of_product(sale.product) or sagas.unfinished(unit.ref.partition("/")[0]):
            continue
        state = states.get(unit.ref)
        if unit.ref in aside and state is None:
            continue
        if state is None or (state == "cancelled" and unit.ref not in waiting):
            what = "there is no such order" if state is None else "its order is cancelled and it did not come back"
            told = f"{unit.count} units of product {sale.product} left Redis, and {what}"
            yield Finding("I3", "order", unit.ref, told, product=sale.product)


def put_aside(db: Snapshot, order_ids: list[str]) -> set[str]:
    """Those of these orders whose message is a dead letter: they are placed when it is replayed."""
    return {
        row[0] for row in db.among("SELECT order_id FROM eshop_order.dead_letter WHERE order_id IN ({})", order_ids)
    }


@dataclass(frozen=True)
class Acceptance:
    """An order that a flash sale accepted."""

    order_id: str
    gid: str
    product: int


def remembered_without_order(db: Snapshot, link: redis.Redis) -> list[Acceptance]:
    """--deep: of all acceptances that Redis remembers (7 days) those that are no order yet. Read before a snapshot."""
    missing: list[Acceptance] = []
    keys = cast("Iterable[str]", link.scan_iter(BARRIERS, count=5_000))
    for some in chunks(keys):
        outcomes = cast("list[str | None]", link.mget(some))
        found = [a for key, outcome in zip(some, outcomes, strict=True) for a in _acceptances(key, outcome)]
        there = _orders(db, found)
        missing += [acceptance for acceptance in found if acceptance.order_id not in there]
    return missing[:MOST_MISSING]


def lost_acceptances(
    db: Snapshot, missing: list[Acceptance], messages: Messages, spans: list[Standing]
) -> Iterator[Finding]:
    """Those of `missing` that are not on their way either. `messages` and `spans` were read after `db`."""
    if any(span.end > span.done for span in spans):
        return
    there = _orders(db, missing) | put_aside(db, [lost.order_id for lost in missing])
    for lost in missing:
        if lost.order_id not in there and lost.gid not in messages.unfinished:
            told = f"message {lost.gid} accepted it, and there is no such order"
            yield Finding("I3", "order", lost.order_id, told, (lost.gid,), lost.product)


def _orders(db: Snapshot, accepted: list[Acceptance]) -> set[str]:
    sql = "SELECT order_id FROM eshop_order.order_record WHERE order_id IN ({})"
    return {row[0] for row in db.among(sql, [acceptance.order_id for acceptance in accepted])}


def _acceptances(key: str, outcome: str | None) -> list[Acceptance]:
    found = _MESSAGE.match(key)
    if found is None or outcome is None or not outcome.startswith("ok:"):
        return []
    accepted = json.loads(outcome.removeprefix("ok:"))["accepted"]
    return [Acceptance(item[0], found[2], int(found[1])) for item in accepted]
