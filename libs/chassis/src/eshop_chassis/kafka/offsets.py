"""How far each partition is done, where some messages take longer than those after them."""

from collections import defaultdict
from collections.abc import Collection, Iterable

from confluent_kafka import Message


class Offsets:
    """The offsets that may be committed: up to the end of what was read, or to the oldest message that is held."""

    def __init__(self) -> None:
        self._ends: dict[int, int] = {}
        self._held: dict[int, set[int]] = defaultdict(set)

    def read(self, batch: Iterable[Message]) -> None:
        """Notes a batch whose messages are done, but for those that are held."""
        for message in batch:
            self._ends[message.partition() or 0] = (message.offset() or 0) + 1

    def hold(self, partition: int, offset: int) -> None:
        """This message takes longer: nothing from it on is committed until it is released."""
        self._held[partition].add(offset)

    def release(self, partition: int, offset: int) -> None:
        """This message is done as well."""
        self._held[partition].discard(offset)

    def done(self, partitions: Collection[int]) -> dict[int, int]:
        """The first offset that is not done, for those of these partitions of which anything was read."""
        ends = {partition: end for partition, end in self._ends.items() if partition in partitions}
        return {partition: min(self._held[partition], default=end) for partition, end in ends.items()}

    def forget(self, partitions: Collection[int]) -> None:
        """Forgets how far other partitions than these were read: another member may have gone further since."""
        self._ends = {partition: end for partition, end in self._ends.items() if partition in partitions}
