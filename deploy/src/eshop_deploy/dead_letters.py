"""`eshop dead-letters`: what the order queue has put aside, and back into the queue with it.

A replay may be repeated: a message keeps its order's id, and an order is placed once. What this installation did not
write stays put aside: a replay does not make it an order. Messages of releases that sealed nothing are sealed here.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import orjson
from confluent_kafka import Producer
from rich.markup import escape

from eshop_contract import OrderIds
from eshop_deploy.failures import BadSetting, PartFailed
from eshop_deploy.progress import console, step
from eshop_deploy.settings import Settings
from eshop_deploy.verify.queue import Letter, Names, OrderQueue, open_queue, order_id_of
from eshop_deploy.verify.stores import Snapshot, open_mysql

MOST_SHOWN = 300
SECONDS = 10.0
# Not an order, whatever is done: a replay would only put it aside again.
NO_ORDER = "not an order"
FOREIGN = "not written by this shop"
CUT = "cut, can't be replayed"
WAITING = "waiting"


@dataclass(frozen=True)
class Fate:
    """A dead letter and what has become of its order: one of the states above, or the state of the order."""

    letter: Letter
    order_id: str
    state: str


def dead_letters(settings: Settings, replay: str) -> None:
    """Lists all dead letters, or replays some: offsets with commas between, or "all" that wait."""
    with open_queue(settings) as queue:
        found = fates(settings, queue)
        if not replay:
            _show(found)
            return
        chosen = _chosen(found, replay)
        with step(f"Writing {len(chosen)} messages into {queue.names.topic}"):
            write_again(settings, queue, [fate.letter for fate in chosen])


def fates(settings: Settings, queue: OrderQueue) -> list[Fate]:
    """Every dead letter with the state of its order, the oldest first. A letter of ours comes sealed."""
    with open_mysql(settings) as link:
        db = Snapshot(link)
        past = _past(db, queue.names.dead_letters)
        found = [_judged(queue.names, letter, past) for letter in queue.letters()]
        sql = "SELECT order_id, state FROM eshop_order.order_record WHERE order_id IN ({})"
        states = dict(db.among(sql, [fate.order_id for fate in found if fate.state == WAITING]))
    return [replace(f, state=states.get(f.order_id, WAITING)) if f.state == WAITING else f for f in found]


def _past(db: Snapshot, topic: str) -> dict[int, int]:
    """How far each partition of the dead letters reached when messages began to be sealed."""
    rows = db.among("SELECT kafka_partition, until_offset FROM eshop_order.before_seals WHERE topic IN ({})", [topic])
    return {int(partition): int(until) for partition, until in rows}


def _judged(names: Names, letter: Letter, past: dict[int, int]) -> Fate:
    if "cut" in letter.headers:
        return Fate(letter, "", CUT)
    order_id = order_id_of(letter.position, letter.value)
    if names.seal.fits(letter.value, letter.headers):
        return Fate(letter, order_id or "", WAITING if order_id else NO_ORDER)
    if letter.offset >= past.get(letter.partition, 0):
        return Fate(letter, "", FOREIGN)
    older = OrderIds.of_older_releases()
    if order_id is None or not (names.ids.kind(order_id) or older.kind(order_id)):
        return Fate(letter, "", NO_ORDER)
    return Fate(_sealed(names, letter, order_id), order_id, WAITING)


def _sealed(names: Names, letter: Letter, order_id: str) -> Letter:
    """A letter from before there were seals, as this release would have written it."""
    value = orjson.dumps({**orjson.loads(letter.value), "orderID": order_id})
    return replace(letter, value=value, headers=names.seal.headers(value, letter.headers))


def _chosen(found: list[Fate], replay: str) -> list[Fate]:
    if replay == "all":
        return [fate for fate in found if fate.state == WAITING]
    if not all(text.strip().isdigit() for text in replay.split(",")):
        raise BadSetting(f"{replay!r} names no dead letters", 'Give offsets, as "3,5", or "all"')
    offsets = {int(text) for text in replay.split(",")}
    if absent := offsets - {fate.letter.offset for fate in found}:
        raise BadSetting(f"There is no dead letter {min(absent)}", "List them: make dead-letters")
    if cut := offsets & {fate.letter.offset for fate in found if fate.state == CUT}:
        raise BadSetting(f"Dead letter {min(cut)} was cut: Kafka has not all of its message", "Leave it out")
    return [fate for fate in found if fate.letter.offset in offsets]


def write_again(settings: Settings, queue: OrderQueue, letters: list[Letter]) -> None:
    """Writes the messages into the order queue; returns when Kafka has them."""
    producer = Producer({"bootstrap.servers": settings.address("kafka"), "acks": "all", "enable.idempotence": True})
    for letter in letters:
        headers = {**letter.headers, "replayed": str(letter.offset)}
        for name in ("reason", "place"):
            headers.pop(name, None)
        pairs: list[tuple[str, str | bytes | None]] = [(name, text.encode()) for name, text in headers.items()]
        producer.produce(queue.names.topic, letter.value, letter.key or None, headers=pairs)
    if missing := producer.flush(SECONDS):
        raise PartFailed(f"Kafka has not taken {missing} messages", "Replay them again: nothing is placed twice")


def _show(found: list[Fate]) -> None:
    for fate in found:
        letter = fate.letter
        since = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(letter.since))
        console.print(f"[bold]{letter.offset}[/]  {since} UTC  {escape(fate.state)}  {fate.order_id}")
        console.print(f"    reason  {escape(letter.headers.get('reason', 'none'))}")
        others = ", ".join(f"{name} {text}" for name, text in sorted(letter.headers.items()) if name != "reason")
        console.print(f"    headers {escape(others)}")
        console.print(f"    body    {escape(letter.value[:MOST_SHOWN].decode(errors='replace'))}")
    waiting = sum(fate.state == WAITING for fate in found)
    console.print(f"{len(found)} dead letters, {waiting} wait to be replayed: make dead-letters REPLAY=all")
