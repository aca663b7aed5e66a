"""The results as one table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.markup import escape
from rich.table import Table

from eshop_bench.results import Result, Verdict
from eshop_bench.usage import services_mb

HEADINGS = (
    "row",
    "users",
    "rate/s",
    "p50 ms",
    "p95 ms",
    "p99 ms",
    "orders/s",
    "placed/s",
    "drained s",
    "of echo",
    "books",
    "services MB",
    "CPU s",
    "other answers",
    "floors",
)
LEFT = ("row", "books", "CPU s", "other answers", "floors")
MOST_CPU = 5
_OTHERS = ("wrong", "failures", "busy", "running", "sold_out", "refused")


def table(results: Sequence[Result], floors: Mapping[str, Sequence[Verdict]]) -> Table:
    """`floors` are the verdicts of a row by its name."""
    made = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for heading in HEADINGS:
        made.add_column(heading, justify="left" if heading in LEFT else "right", no_wrap=True)
    for result in results:
        made.add_row(*_cells(result, floors.get(result.name, ())))
    return made


def _cells(result: Result, floors: Sequence[Verdict]) -> list[str]:
    return [
        escape(result.name),
        f"{result.users:,}",
        f"{result.rate:,.0f}",
        _number(result.p50, 1),
        _number(result.p95, 1),
        _number(result.p99, 1),
        _number(result.end_to_end, 0),
        _number(result.placed, 0),
        _number(result.drained, 1),
        _number(result.ratio, 2),
        _books(result),
        _number(services_mb(result.memory) or None, 0),
        escape(cpu_text(result.cpu)),
        escape(_others(result)),
        verdict_text(floors),
    ]


def _number(figure: float | None, digits: int) -> str:
    return "" if figure is None else f"{figure:,.{digits}f}"


def _books(result: Result) -> str:
    if result.void:
        return "[bold red]VOID[/]"
    return "[green]agree[/]" if result.checked else ""


def cpu_text(cpu: Mapping[str, float]) -> str:
    """The processes that used most, in seconds."""
    most = sorted(cpu.items(), key=lambda item: -item[1])[:MOST_CPU]
    return " ".join(f"{name} {seconds:.1f}" for name, seconds in most)


def _others(result: Result) -> str:
    kinds = [kind for kind in _OTHERS if kind != result.counts]
    return " ".join(f"{kind} {result.answers[kind]}" for kind in kinds if result.answers.get(kind))


def verdict_text(floors: Sequence[Verdict]) -> str:
    kinds = ((True, "green", "met"), (False, "red", "not met"), (None, "dim", "not measured"))
    told = [
        f"[{colour}]{word}: {escape(', '.join(texts))}[/]"
        for met, colour, word in kinds
        if (texts := [verdict.text for verdict in floors if verdict.met is met])
    ]
    return "; ".join(told)
