"""The picture of the results."""

from dataclasses import replace
from xml.etree import ElementTree

from eshop_bench.picture import WRONG, draw
from eshop_bench.results import Result

FLASH = Result("flash-200", "flash sale", "accepted", 200, 10.0, 2500.0, 70.0, 120.0, 200.0, {}, ratio=0.5)
ORDER = replace(FLASH, name="order-200", title="order & outcome", rate=1250.0, ratio=0.25)
SVG = "{http://www.w3.org/2000/svg}"


def parsed(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)  # noqa: S314 - of our own making


def bars(svg: str) -> list[tuple[float, str]]:
    """Width and colour of every bar, the two of the legend left out."""
    found = parsed(svg).findall(f"{SVG}rect")
    return [(float(bar.attrib["width"]), bar.attrib["fill"]) for bar in found[2:]]


def texts(svg: str) -> list[str]:
    return [text.text or "" for text in parsed(svg).findall(f"{SVG}text")]


def test_bars_are_as_long_as_rates_are_high() -> None:
    (echo, _), (flash, _), (other_echo, _), (order, _) = bars(draw([FLASH, ORDER]))

    assert flash == 2 * order
    assert echo == 2 * flash
    assert other_echo == echo


def test_a_row_tells_its_users_rate_and_times() -> None:
    told = texts(draw([replace(FLASH, users=1, p50=4.25), ORDER]))

    assert "flash sale, 1 user" in told
    assert "2,500/s   4.2 / 200 ms" in told
    assert "order & outcome, 200 users" in told


def test_a_row_without_an_echo_is_left_out() -> None:
    assert bars(draw([replace(FLASH, ratio=None)])) == []


def test_a_void_row_shows_no_figure() -> None:
    svg = draw([replace(FLASH, problems=("2 orders are not final",))])

    assert "void: its books are wrong" in texts(svg)
    assert not any("2,500" in text for text in texts(svg))
    assert bars(svg)[1][1] == WRONG


def test_nothing_measured_is_still_a_picture() -> None:
    assert bars(draw([])) == []
