"""A whole run: the rows one after the other, each beside the echo at its number of users, as often as asked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace

from eshop_bench.echo import running_echo
from eshop_bench.measure import Bench
from eshop_bench.results import Result
from eshop_bench.rows import Row, echo

ECHO_SECONDS = 5.0


class Run:
    """`results` holds all runs of each row by its name, in the order of the table."""

    def __init__(self, bench: Bench, rows: Sequence[Row], host: str, echo_port: int, *, seconds: float) -> None:
        self._bench = bench
        self._rows = rows
        self._host = host
        self._echo_port = echo_port
        self._echo_seconds = seconds
        self.results: dict[str, list[Result]] = defaultdict(list)

    def once(self, done: Callable[[Result], None]) -> None:
        """Measures each row once. The echo of a number of users is measured right before the first row that has it."""
        echoes: dict[int, Result] = {}
        for row in self._rows:
            if row.users not in echoes:
                echoes[row.users] = self._echo(row.users)
                self._keep(echoes[row.users], done)
            if not row.is_echo:
                result = self._bench.measure(row)
                self._keep(replace(result, ratio=result.rate / echoes[row.users].rate), done)

    def _echo(self, users: int) -> Result:
        with running_echo(self._host, self._echo_port) as pid:
            return self._bench.echo(echo(users, self._echo_seconds), f"http://{self._host}:{self._echo_port}", pid)

    def _keep(self, result: Result, done: Callable[[Result], None]) -> None:
        self.results[result.name].append(result)
        done(result)
