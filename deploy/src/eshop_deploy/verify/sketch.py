"""Comparing two tables that must say the same, without holding either in memory.

Each side is read once, and adds up `amount * hash(key/item)` for each of 8,192 buckets of keys. Sums are free of
order, and rows that cancel each other vanish; buckets with the same sum on both sides agree. Only the keys of the
others are listed, one by one. On a busy shop those are the buckets of the few hundred orders that are on their way.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

from eshop_deploy.verify.stores import Snapshot, chunks

BUCKETS = 1 << 13
# A book that is wrong all over is listed as far as this: the rest shows when these are mended.
MOST_BUCKETS = 3_000


@dataclass(frozen=True)
class Side:
    """What one table says: for each `key` (an order) and `item` (a product, say) an `amount`. All are SQL."""

    table: str
    key: str
    item: str
    amount: str
    where: str

    def only(self, condition: str) -> Side:
        return replace(self, where=f"{self.where} AND {condition}")


@dataclass(frozen=True)
class Difference:
    """What the two sides say of one key and item."""

    key: str
    item: str
    left: int
    right: int


def differences(db: Snapshot, left: Side, right: Side) -> Iterator[Difference]:
    """Every key and item of which the sides say something else, up to MOST_BUCKETS buckets of them."""
    sums, others = _sums(db, left), _sums(db, right)
    wrong = [b for b in sums.keys() | others.keys() if sums.get(b, 0) != others.get(b, 0)]
    for some in chunks(sorted(wrong)[:MOST_BUCKETS], 1_000):
        marks = ", ".join(map(str, some))
        yield from _listed(
            db,
            left.only(f"CRC32({left.key}) MOD {BUCKETS} IN ({marks})"),
            right.only(f"CRC32({right.key}) MOD {BUCKETS} IN ({marks})"),
        )


def _listed(db: Snapshot, left: Side, right: Side) -> Iterator[Difference]:
    ours, theirs = _amounts(db, left), _amounts(db, right)
    for key, item in sorted(ours.keys() | theirs.keys()):
        if (mine := ours.get((key, item), 0)) != (other := theirs.get((key, item), 0)):
            yield Difference(key, item, mine, other)


def _sums(db: Snapshot, side: Side) -> dict[int, Decimal]:
    rows = db.rows(
        f"SELECT CRC32({side.key}) MOD {BUCKETS} AS bucket,"  # noqa: S608 - constants of this package
        f" SUM({side.amount} * CAST((CRC32(CONCAT({side.key}, '/', {side.item})) >> 8) + 1 AS SIGNED))"
        f" FROM {side.table} WHERE {side.where} GROUP BY bucket"
    )
    return {bucket: total for bucket, total in rows if total}


def _amounts(db: Snapshot, side: Side) -> dict[tuple[str, str], int]:
    rows = db.rows(
        f"SELECT {side.key} AS k, {side.item} AS i, SUM({side.amount}) AS total"  # noqa: S608 - constants
        f" FROM {side.table} WHERE {side.where} GROUP BY k, i HAVING total <> 0"
    )
    return {(str(key), str(item)): int(total) for key, item, total in rows}
