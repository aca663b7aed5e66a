"""Which messages of the queue were put aside, by the place where each was read: the table `buried`."""

from collections.abc import Collection, Mapping

from eshop_chassis.mysql import Tx, execute, fetch, marks


class Burials:
    """A row is written before its dead letter and marked after it: a restart neither loses nor repeats a letter."""

    async def begin(self, tx: Tx, reasons: Mapping[str, str]) -> dict[str, bool]:
        """Notes places and reasons; returns the places that were noted before, with True if nothing is left to do."""
        places = sorted(reasons)
        rows = await fetch(
            tx,
            f"SELECT place, state <> 'writing' FROM buried WHERE place IN ({marks(places)}) FOR UPDATE",  # noqa: S608 - marks
            tuple(places),
        )
        known = {row[0]: bool(row[1]) for row in rows}
        fresh = [(place, reasons[place]) for place in places if place not in known]
        if fresh:
            await execute(tx, "INSERT IGNORE INTO buried (place, reason) VALUES (%s, %s)", fresh)
        return known

    async def end(self, tx: Tx, written: Collection[str], refused: Collection[str]) -> None:
        """Marks the places whose letter is written, and those of which Kafka takes none."""
        for state, places in (("written", written), ("refused", refused)):
            rows = [(state, place) for place in places]
            if rows:
                await execute(tx, "UPDATE buried SET state = %s WHERE place = %s AND state = 'writing'", rows)
