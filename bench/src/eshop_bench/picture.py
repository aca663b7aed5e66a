"""The results as an SVG: a bar for each row's rate, beside it the echo's at the same number of users."""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape

from eshop_bench.results import Result

WIDTH, LABEL, FIGURES = 900, 280, 190
BAR, GAP, TOP = 16, 12, 64
# Readable on light and dark pages alike.
INK, SHOP, ECHO, WRONG = "#7d8590", "#2f81f7", "#8b949e55", "#d1242f"


def draw(results: Sequence[Result]) -> str:
    """Rows without an echo, and the echoes themselves, get no bar of their own."""
    rows = [result for result in results if result.ratio]
    height = TOP + len(rows) * (BAR + GAP) + GAP
    most = max((_reach(result) for result in rows), default=1.0)
    lines = [line for number, result in enumerate(rows) for line in _row(result, TOP + number * (BAR + GAP), most)]
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
        f' font-family="system-ui, sans-serif" font-size="12" fill="{INK}" role="img">'
    )
    return "\n".join([head, "<title>Requests per second</title>", *_legend(), *lines, "</svg>\n"])


def _reach(result: Result) -> float:
    return max(result.rate, _echo_rate(result))


def _echo_rate(result: Result) -> float:
    return result.rate / result.ratio if result.ratio else 0.0


def _legend() -> list[str]:
    return [
        _text(0, 20, "Requests per second, p50 / p99 in ms", weight="bold", size=14),
        _rect(LABEL, 32, 12, SHOP),
        _text(LABEL + 18, 43, "eshop"),
        _rect(LABEL + 80, 32, 12, ECHO),
        _text(LABEL + 98, 43, "a FastAPI route that only echoes, same users, same run"),
    ]


def _row(result: Result, top: int, most: float) -> list[str]:
    scale = (WIDTH - LABEL - FIGURES) / most
    told = f"{result.rate:,.0f}/s   {_ms(result.p50)} / {_ms(result.p99)} ms"
    if result.void:
        told = "void: its books are wrong"
    return [
        _text(0, top + BAR - 4, f"{result.title}, {_users(result.users)}"),
        _rect(LABEL, top, _echo_rate(result) * scale, ECHO),
        _rect(LABEL, top + 3, result.rate * scale, WRONG if result.void else SHOP, BAR - 6),
        _text(WIDTH - FIGURES + 10, top + BAR - 4, told),
    ]


def _users(users: int) -> str:
    return "1 user" if users == 1 else f"{users:,} users"


def _ms(milliseconds: float) -> str:
    return f"{milliseconds:.1f}" if milliseconds < 10 else f"{milliseconds:,.0f}"


def _rect(x: float, y: float, width: float, colour: str, height: float = BAR) -> str:
    return f'<rect x="{x:g}" y="{y:g}" width="{width:.1f}" height="{height:g}" rx="2" fill="{colour}"/>'


def _text(x: float, y: float, text: str, *, weight: str = "normal", size: int = 12) -> str:
    return f'<text x="{x:g}" y="{y:g}" font-weight="{weight}" font-size="{size}">{escape(text)}</text>'
