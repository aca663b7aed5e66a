"""`eshop dead-letters`: what the order queue has put aside, and back into the queue with it.

A replay may be repeated: a message keeps its order's id, or the place where it first was, which names an order that
came without one, and an order is placed once.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from confluent_kafka import Producer
from rich.markup import escape

from eshop_deploy.failures import BadSetting, PartFailed
from eshop_deploy.progress import console, step
from eshop_deploy.settings import Settings
from eshop_deploy.verify.queue import Letter, OrderQueue, open_queue, order_id_of
from eshop_deploy.verify.stores import Snapshot, open_mysql

MOST_SHOWN = 300
SECONDS = 10.0
# Not an order, whatever is done: a replay would only put it aside again.
NO_ORDER = "not an order"
WAITING = "waiting"


@dataclass(frozen=True)
class Fate:
    """A dead letter and what has become of its order: waiting, not an order, or the state of the order."""

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
    """Every dead letter with the state of its order, the oldest first."""
    letters = queue.letters()
    ids = [order_id_of(queue.names, letter.position, letter.value) or "" for letter in letters]
    with open_mysql(settings) as link:
        sql = "SELECT order_id, state FROM eshop_order.order_record WHERE order_id IN ({})"
        states = dict(Snapshot(link).among(sql, [order_id for order_id in ids if order_id]))
    return [
        Fate(letter, order_id, states.get(order_id, WAITING) if order_id else NO_ORDER)
        for letter, order_id in zip(letters, ids, strict=True)
    ]


def _chosen(found: list[Fate], replay: str) -> list[Fate]:
    if replay == "all":
        return [fate for fate in found if fate.state == WAITING]
    if not all(text.strip().isdigit() for text in replay.split(",")):
        raise BadSetting(f"{replay!r} names no dead letters", 'Give offsets, as "3,5", or "all"')
    offsets = {int(text) for text in replay.split(",")}
    if absent := offsets - {fate.letter.offset for fate in found}:
        raise BadSetting(f"There is no dead letter {min(absent)}", "List them: make dead-letters")
    return [fate for fate in found if fate.letter.offset in offsets]


def write_again(settings: Settings, queue: OrderQueue, letters: list[Letter]) -> None:
    """Writes the messages into the order queue; returns when Kafka has them."""
    producer = Producer({"bootstrap.servers": settings.address("kafka"), "acks": "all", "enable.idempotence": True})
    for letter in letters:
        headers = {**letter.headers, "replayed": str(letter.offset)}
        headers.pop("reason", None)
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
