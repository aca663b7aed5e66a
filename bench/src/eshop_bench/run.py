"""A whole run: the rows one after the other, each beside the echo at its number of users, as often as asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from eshop_bench.echo import running_echo
from eshop_bench.measure import Bench
from eshop_bench.results import Result
from eshop_bench.rows import SHORT_SECONDS, Row, echo, short

ECHO_SECONDS = 5.0


@dataclass(frozen=True)
class Wish:
    """What is to be measured: the rows in the order of the table, how often, and whether for two seconds each."""

    rows: Sequence[Row]
    repeat: int = 1
    is_short: bool = False

    def without_fills(self) -> Wish:
        """Leaves out the rows that fill the order table."""
        return replace(self, rows=[row for row in self.rows if not row.rows])


class Run:
    """Measures what is wished and hands each result on as soon as it is there."""

    def __init__(self, bench: Bench, host: str, echo_port: int, keep: Callable[[Result], None]) -> None:
        self._bench = bench
        self._host = host
        self._echo_port = echo_port
        self._keep = keep

    def measure(self, wish: Wish) -> None:
        self._bench.warm_up({_kind(row): row for row in wish.rows if not row.is_echo})
        rows = [short(row) if wish.is_short else row for row in wish.rows]
        for _ in range(wish.repeat):
            self._once(rows, SHORT_SECONDS if wish.is_short else ECHO_SECONDS)

    def _once(self, rows: Sequence[Row], echo_seconds: float) -> None:
        """The echo of a number of users is measured right before the first row that has as many."""
        echoes: dict[int, Result] = {}
        for row in rows:
            if row.users not in echoes:
                echoes[row.users] = self._echo(echo(row.users, echo_seconds))
                self._keep(echoes[row.users])
            if not row.is_echo:
                result = self._bench.measure(row)
                self._keep(replace(result, ratio=result.rate / echoes[row.users].rate))

    def _echo(self, row: Row) -> Result:
        with running_echo(self._host, self._echo_port) as pid:
            return self._bench.echo(row, f"http://{self._host}:{self._echo_port}", pid)


def _kind(row: Row) -> str:
    return f"{row.script} {row.scene} {row.settings.get('FLOW', '')}".strip()
