"""The order queue's messages as the consumer reads them, and what it keeps about them."""

from collections.abc import Collection, Mapping
from typing import Any

from eshop_chassis.mysql import Tx
from eshop_order.queue.before_seals import BeforeSeals
from eshop_order.queue.burials import Burials
from eshop_order.queue.message import Queued
from shop_in_memory.database import data_of


def queued(value: bytes | None, offset: int = 0, headers: Mapping[str, str] | None = None) -> Queued:
    """A message at "queue/0/offset"."""
    return Queued("key", value or b"", dict(headers or {}), "queue", 0, offset)


class Past(BeforeSeals):
    """Every partition's messages below `until` are from before there were seals."""

    def __init__(self, until: int = 0) -> None:
        self._until = until

    def covers(self, topic: str, partition: int, offset: int) -> bool:
        return offset < self._until

    async def open(self) -> None: ...


class MemoryBurials(Burials):
    """Keeps the places in the transaction's data."""

    async def begin(self, tx: Tx, reasons: Mapping[str, str]) -> dict[str, bool]:
        table: dict[str, str] = _table(tx)
        known = {place: table[place] != "writing" for place in reasons if place in table}
        for place in reasons:
            table.setdefault(place, "writing")
        return known

    async def end(self, tx: Tx, written: Collection[str], refused: Collection[str]) -> None:
        _table(tx).update(dict.fromkeys(written, "written") | dict.fromkeys(refused, "refused"))


class Letters:
    """The dead-letter topic, read back."""

    def __init__(self, queue: Any) -> None:
        self._queue = queue

    async def among(self, places: Collection[str]) -> set[str]:
        return {message.headers.get("place", "") for message in self._queue.messages} & set(places)


def _table(tx: Tx) -> dict[str, str]:
    return data_of(tx).setdefault("buried", {})
