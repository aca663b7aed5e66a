"""Switches off one guard in the services of a stack under fault, to show that the matrix notices.

Python runs this file at the start of every process that has this folder in PYTHONPATH; FAULTS_WITHOUT names the guard.
Nothing in the services knows of it.
"""

import os
import sys
from collections.abc import Callable
from typing import Any, cast


def barrier() -> None:
    """The barrier's row in MySQL no longer stops what arrives a second time."""
    from aiodtm.mysql import SqlBarriers

    insert = SqlBarriers.insert

    async def insert_and_go_on(self: Any, *args: Any) -> bool:
        await insert(self, *args)
        return True

    SqlBarriers.insert = cast("Any", insert_and_go_on)


def outcome() -> None:
    """The Lua call no longer looks for the outcome that an earlier call has stored."""
    import aiodtm.redis

    guarded = aiodtm.redis._guarded
    look = "local outcome = stored(KEYS[1])\n"

    def unguarded(script: str) -> str:
        text = guarded(script)
        assert look in text
        return text.replace(look, "local outcome = nil\n")

    aiodtm.redis._guarded = unguarded


def order_id() -> None:
    """Whoever comes may claim an order, whoever has it and whatever became of it."""
    import eshop_order.store

    assert hasattr(eshop_order.store, "_claim_fault")
    eshop_order.store._claim_fault = lambda *_: None


def offsets() -> None:
    """Offsets are committed as soon as messages have been read."""
    from eshop_chassis import crash_point
    from eshop_chassis.kafka import consumer

    read = consumer.KafkaBatches.next

    async def read_and_commit(self: Any) -> Any:
        batch = await read(self)
        self._offsets.read(batch)
        await self._call(self._commit)
        return batch

    async def done(self: Any) -> None:
        crash_point("before_offset")
        self._batch = []
        crash_point("after_offset")

    consumer.KafkaBatches.next, consumer.KafkaBatches.done = read_and_commit, done
    consumer.KafkaBatches.hold = cast("Any", lambda *_: None)


GUARDS: dict[str, tuple[Callable[[], None], set[str]]] = {
    "barrier": (barrier, {"eshop_order", "eshop_stock", "eshop_coupon", "eshop_pay"}),
    "outcome": (outcome, {"eshop_flash_sale"}),
    "order-id": (order_id, {"eshop_order"}),
    "offsets": (offsets, {"eshop_order"}),
}

if guard := os.environ.get("FAULTS_WITHOUT"):
    switch_off, services = GUARDS[guard]
    if sys.orig_argv[1:2] == ["-m"] and sys.orig_argv[2] in services:
        switch_off()
