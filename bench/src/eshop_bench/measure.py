"""One row from its scene to its figures: load, drain, usage, books."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from eshop_bench import usage
from eshop_bench.books import Promised, drained, placed, promised, read_books, settled_problems
from eshop_bench.load import Load, Summary, load
from eshop_bench.results import Result
from eshop_bench.rows import Row
from eshop_bench.scene import Scene, Stage
from eshop_bench.stores import Stores

DRAIN_SECONDS = 120.0
POLL_SECONDS = 0.02


@dataclass(frozen=True)
class Orders:
    """What became of a load's orders: confirmed when the last answer came, and when all were final, after `seconds`."""

    during: int
    in_all: int
    seconds: float
    late: bool = False


class Bench:
    """Measures rows on one gateway. Without stores there are no books; without parts no usage."""

    def __init__(
        self,
        k6: str,
        base: str,
        stage: Stage,
        stores: Stores | None,
        parts: Callable[[], Mapping[str, int]],
        tell: Callable[[str], None],
    ) -> None:
        self._k6 = k6
        self._base = base
        self._stage = stage
        self._stores = stores
        self._parts = parts
        self._tell = tell

    def measure(self, row: Row) -> Result:
        """Runs a row. Raises BringUpError when k6 or the shop can't be had; wrong books are told in the result."""
        scene = self._stage.set(row)
        self._await_rest()
        parts = self._parts()
        before = usage.cpu_seconds(parts)
        confirmed = placed(self._stores) if self._stores and row.places else 0
        with load(self._k6, row, self._base, {**scene.settings, **row.settings}) as running:
            running.await_end(row.seconds + DRAIN_SECONDS, lambda second: self._tell(f"{second:.0f} s under load"))
            orders = self._drain(row, running, confirmed)
        cpu = usage.spent(before, usage.cpu_seconds(parts)) | {"k6": running.cpu_seconds}
        result = _result(row, running, orders)
        return self._with_books(row, scene, replace(result, cpu=cpu, memory=usage.pss_mb(parts)), orders)

    def echo(self, row: Row, base: str, pid: int) -> Result:
        """Runs the yardstick."""
        before = usage.cpu_seconds({"echo": pid})
        with load(self._k6, row, base, {}) as running:
            running.await_end(row.seconds + DRAIN_SECONDS, lambda second: self._tell(f"{second:.0f} s under load"))
        cpu = usage.spent(before, usage.cpu_seconds({"echo": pid})) | {"k6": running.cpu_seconds}
        return replace(_result(row, running, None), cpu=cpu, memory=usage.pss_mb({"echo": pid}))

    def _await_rest(self) -> None:
        """What the scene itself set off is over before the load begins."""
        end = time.monotonic() + DRAIN_SECONDS
        while self._stores is not None and not drained(self._stores) and time.monotonic() < end:
            time.sleep(POLL_SECONDS)

    def _drain(self, row: Row, running: Load, confirmed: int) -> Orders | None:
        """Waits until every order is final, looking from the moment of the last answer on."""
        if self._stores is None or not row.places:
            return None
        during = placed(self._stores) - confirmed
        while not (over := drained(self._stores)) and time.monotonic() - running.ended < DRAIN_SECONDS:
            self._tell(f"draining, {time.monotonic() - running.ended:.0f} s")
            time.sleep(POLL_SECONDS)
        seconds = time.monotonic() - running.ended
        return Orders(during, placed(self._stores) - confirmed, seconds, late=not over)

    def _with_books(self, row: Row, scene: Scene, result: Result, orders: Orders | None) -> Result:
        if self._stores is None or orders is None:
            return result
        told = promised(result.answers, scene.sold_before)
        found = settled_problems(self._stores, scene, told)
        if orders.late:
            found = [f"not drained after {DRAIN_SECONDS:.0f} s", *found]
        missing = _missing(read_books(self._stores, scene).orders, told)
        return replace(result, checked=True, problems=tuple(found), missing=missing)


def _missing(orders: int, told: Promised) -> int:
    """Accepted orders that are not there."""
    return max(0, told.surely - orders)


def _result(row: Row, running: Load, orders: Orders | None) -> Result:
    summary = running.summary
    assert summary is not None  # noqa: S101 - the load has ended
    counted = _counted(row, summary)
    result = Result(
        name=row.name,
        title=row.title,
        users=row.users,
        seconds=round(running.seconds, 3),
        rate=counted / running.seconds,
        p50=summary.p50,
        p95=summary.p95,
        p99=summary.p99,
        answers=summary.answers,
    )
    if orders is None or row.counts == "sold_out":
        return result
    in_all = running.seconds + orders.seconds
    return replace(
        result, end_to_end=orders.in_all / in_all, placed=orders.during / running.seconds, drained=orders.seconds
    )


def _counted(row: Row, summary: Summary) -> int:
    """Answers of the kind that the row is about. A mixed row is about all its clean answers."""
    kinds = ("confirmed", "refused", "sold_out") if row.scene == "mixed" else (row.counts,)
    return sum(summary.answers.get(kind, 0) for kind in kinds)
