"""One row from its scene to its figures: load, drain, usage, books."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from eshop_bench import usage
from eshop_bench.books import Loose, drained, loose, placed, promised, settled
from eshop_bench.load import Load, load
from eshop_bench.results import Result
from eshop_bench.rows import Row
from eshop_bench.scene import Scene, Stage
from eshop_bench.stores import Stores

DRAIN_SECONDS = 120.0
POLL_SECONDS = 0.03
WARM_USERS, WARM_SECONDS = 100, 3.0


@dataclass(frozen=True)
class Orders:
    """What became of a load's orders: confirmed when the last answer came, and when all were final, after `seconds`."""

    during: int
    in_all: int
    seconds: float
    late: bool = False


class Bench:
    """Measures rows on one gateway. Without stores there are no books; `parts` gives pids by name, if any."""

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
        self._stage.clear(row)
        before = loose(self._stores) if self._stores else Loose()
        scene = self._stage.set(row)
        self._await_rest(before)
        confirmed = placed(self._stores) if self._stores else 0
        parts = self._parts()
        used = usage.cpu_seconds(parts)
        with load(self._k6, row, self._base, {**scene.settings, **row.settings}) as running:
            self._follow(row, running)
            orders = self._drain(row, running, before, confirmed)
        cpu = usage.spent(used, usage.cpu_seconds(parts)) | {"k6": running.cpu_seconds}
        result = replace(_result(row, running, orders), cpu=cpu, memory=usage.pss_mb(parts))
        return self._with_books(scene, result, before, orders)

    def echo(self, row: Row, base: str, pid: int) -> Result:
        """Runs the yardstick."""
        used = usage.cpu_seconds({"echo": pid})
        with load(self._k6, row, base, {}) as running:
            self._follow(row, running)
        cpu = usage.spent(used, usage.cpu_seconds({"echo": pid})) | {"k6": running.cpu_seconds}
        return replace(_result(row, running, None), cpu=cpu, memory=usage.pss_mb({"echo": pid}))

    def warm_up(self, rows: Mapping[str, Row]) -> None:
        """A moment of each kind of load that counts for nothing: code is loaded, connections are made."""
        for kind, row in rows.items():
            self._tell(f"warming up: {kind}")
            self.measure(replace(row, users=WARM_USERS, seconds=WARM_SECONDS, rows=0))

    def _follow(self, row: Row, running: Load) -> None:
        patience = row.seconds + DRAIN_SECONDS
        running.await_end(patience, lambda second: self._tell(f"{row.name}: {second:.0f} s under load"))

    def _await_rest(self, before: Loose) -> None:
        """What the scene itself set off is over before the load begins."""
        end = time.monotonic() + DRAIN_SECONDS
        while self._stores is not None and not drained(self._stores, before) and time.monotonic() < end:
            time.sleep(POLL_SECONDS)

    def _drain(self, row: Row, running: Load, before: Loose, confirmed: int) -> Orders | None:
        """Waits until every order is final, looking from the moment of the last answer on."""
        if self._stores is None or not row.places:
            return None
        during = placed(self._stores) - confirmed
        while not (over := drained(self._stores, before)) and time.monotonic() - running.ended < DRAIN_SECONDS:
            self._tell(f"{row.name}: draining, {time.monotonic() - running.ended:.0f} s")
            time.sleep(POLL_SECONDS)
        seconds = time.monotonic() - running.ended
        return Orders(during, placed(self._stores) - confirmed, seconds, late=not over)

    def _with_books(self, scene: Scene, result: Result, before: Loose, orders: Orders | None) -> Result:
        if self._stores is None or orders is None:
            return result
        told = promised(result.answers, scene.sold_before)
        books, found = settled(self._stores, scene, before, told)
        if orders.late:
            found = [f"not drained after {DRAIN_SECONDS:.0f} s", *found]
        missing = max(0, told.surely - books.orders)
        return replace(result, checked=True, problems=tuple(found), missing=missing)


def _result(row: Row, running: Load, orders: Orders | None) -> Result:
    summary = running.summary
    assert summary is not None  # noqa: S101 - the load has ended
    result = Result(
        name=row.name,
        title=row.title,
        counts=row.counts,
        users=row.users,
        seconds=round(running.seconds, 3),
        rate=summary.answers.get(row.counts, 0) / running.seconds,
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
