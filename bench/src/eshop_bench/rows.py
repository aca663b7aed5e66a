"""What is measured: each row of the table, and the floors that are shown beside its figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

# What happens to the shop before a row's load.
Scene = Literal["none", "sale", "sold out", "stock", "mixed", "lists"]


@dataclass(frozen=True)
class Floor:
    """`figure` names a figure of the result; the limit is a number or, with `of`, a share of that row's figure."""

    figure: str
    limit: float
    at_most: bool = False
    of: str = ""


@dataclass(frozen=True)
class Row:
    """One load: a k6 script, how many users drive it for how many seconds, on which scene.

    `counts` is the kind of answer the row is about; `places` says that its answers become orders. `rows` is the size of
    the order table for lists.
    """

    name: str
    title: str
    script: str
    counts: str
    users: int
    seconds: float
    scene: Scene = "none"
    places: bool = False
    products: int = 1
    rows: int = 0
    settings: Mapping[str, str] = field(default_factory=dict[str, str])
    floors: tuple[Floor, ...] = ()

    @property
    def is_echo(self) -> bool:
        return self.script == "echo.js"


def _at_least(figure: str, limit: float, of: str = "") -> Floor:
    return Floor(figure, limit, of=of)


def _at_most(figure: str, limit: float) -> Floor:
    return Floor(figure, limit, at_most=True)


def _flash(name: str, title: str, users: int, seconds: float, *floors: Floor, products: int = 1) -> Row:
    return Row(name, title, "flashSale.js", "accepted", users, seconds, "sale", True, products, floors=floors)


def _order(name: str, title: str, users: int, seconds: float, *floors: Floor) -> Row:
    return Row(name, title, "submitOrder.js", "confirmed", users, seconds, "stock", places=True, floors=floors)


def _buffered(name: str, title: str, users: int, seconds: float, *floors: Floor) -> Row:
    settings = {"FLOW": "notify"}
    return Row(
        name, title, "submitOrder.js", "accepted", users, seconds, "stock", True, settings=settings, floors=floors
    )


def _list(name: str, title: str, users: int, seconds: float, rows: int, *floors: Floor, **settings: str) -> Row:
    settings = {"COUNT_ROWS": "no", **settings}
    return Row(name, title, "list.js", "listed", users, seconds, "lists", rows=rows, settings=settings, floors=floors)


_LIST_FLOORS = (_at_least("rate", 3300), _at_least("ratio", 0.45))
_MILLION = 1_000_000
PAGE_SIZE = 10

ROWS: tuple[Row, ...] = (
    _flash(
        "flash-200",
        "flash sale, stock left",
        200,
        10,
        _at_least("rate", 2000),
        _at_most("p99", 220),
        _at_most("drained", 2),
        _at_least("ratio", 0.30),
    ),
    _flash(
        "flash-2000",
        "flash sale, stock left",
        2000,
        5,
        _at_most("failures", 0),
        _at_least("rate", 0.7, of="flash-200"),
    ),
    _flash("flash-10000", "flash sale, stock left", 10_000, 1, _at_most("missing", 0)),
    Row(
        "sold-out",
        "flash sale, sold out",
        "flashSale.js",
        "sold_out",
        200,
        8,
        "sold out",
        places=True,
        floors=(_at_least("rate", 3900), _at_least("ratio", 0.60)),
    ),
    _flash("flash-100-products", "flash sale, 100 products", 200, 10, products=100),
    _buffered(
        "buffered-1000",
        "buffered order",
        1000,
        10,
        _at_least("rate", 2800),
        _at_least("placed", 2300),
        _at_most("drained", 2),
        _at_least("ratio", 0.49),
    ),
    _order("order-200", "order with outcome", 200, 10, _at_least("rate", 1500), _at_least("ratio", 0.23)),
    _order("order-1000", "order with outcome", 1000, 10),
    replace(_order("order-sale-200", "order of a product on sale", 200, 10), scene="sale"),
    replace(
        _order("mixed-200", "order, 10 % refused", 200, 10),
        scene="mixed",
        floors=(_at_most("wrong", 0), _at_least("rate", 0.5, of="order-200")),
    ),
    _list("list-0", "lists, no orders", 100, 8, 0, *_LIST_FLOORS),
    _list("list-50k", "lists, 50,000 orders", 100, 10, 50_000, *_LIST_FLOORS),
    _list("list-1m", "lists, 1,000,000 orders", 100, 10, _MILLION, *_LIST_FLOORS),
    _list(
        "list-1m-deep",
        "all pages of 1,000,000 orders",
        100,
        10,
        _MILLION,
        LISTS="order",
        PAGES=str(_MILLION // PAGE_SIZE),
    ),
    _flash("flash-1", "flash sale, stock left", 1, 5, _at_most("p50", 12)),
    _order("order-1", "order with outcome", 1, 5, _at_most("p50", 18)),
    _buffered("buffered-1", "buffered order", 1, 5, _at_most("p50", 5)),
    _list("list-1", "lists, no orders", 1, 5, 0, _at_most("p50", 3)),
)

BY_NAME = {row.name: row for row in ROWS}
SHORT_SECONDS = 2.0


def echo(users: int, seconds: float = 5) -> Row:
    """The yardstick for rows of this many users."""
    return Row(f"echo-{users}", "bare FastAPI echo", "echo.js", "echoed", users, seconds)


def short(row: Row) -> Row:
    return replace(row, seconds=min(row.seconds, SHORT_SECONDS))


def chosen(names: str) -> list[Row]:
    """Rows by name, in the order of the table; all of them for "". Raises KeyError with a name that is none."""
    if not names:
        return list(ROWS)
    asked = [name.strip() for name in names.split(",") if name.strip()]
    for name in asked:
        if name not in BY_NAME and not _is_echo(name):
            raise KeyError(name)
    echoes = [echo(int(name.removeprefix("echo-"))) for name in asked if _is_echo(name)]
    return [*echoes, *(row for row in ROWS if row.name in asked)]


def _is_echo(name: str) -> bool:
    return name.startswith("echo-") and name.removeprefix("echo-").isdigit()
