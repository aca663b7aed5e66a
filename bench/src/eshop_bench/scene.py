"""What a row finds when its load begins: stock, a sale, coupons, filled tables."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from eshop_bench.fill import fill_orders
from eshop_bench.rows import Row
from eshop_bench.stores import Stores
from eshop_deploy.stacks import BringUpError, Gateway

# More than any row can sell.
UNITS = 1_000_000
FEW_UNITS = 10
LISTED = 20
# More than any row lists: the table holds orders that were placed.
SOLD = 10**12
# Nobody who buys: load scripts take users 1 to 100,000.
STRANGER = 999_999_999


@dataclass(frozen=True)
class Scene:
    """The products a row sells, all that was offered of them, what was sold before the load, and k6's settings."""

    products: tuple[int, ...] = ()
    offered: int = 0
    sold_before: int = 0
    settings: Mapping[str, str] = field(default_factory=dict[str, str])


class Stage:
    """Sets scenes. Each gets products of its own. Without stores, tables stay as they are."""

    def __init__(self, gateway: Gateway, stores: Stores | None, tell: Callable[[str], None], *, reset: bool) -> None:
        self._gateway = gateway
        self._stores = stores
        self._tell = tell
        self._reset = reset
        self._listed = SOLD  # orders in the table, where they are there to be listed only
        # By the clock, so that no run before has sold them; below 2^53, as clients whose numbers are doubles need it.
        self._next = itertools.count(int(time.time()) * 1000, 1000)

    def clear(self, row: Row) -> None:
        """Removes the orders of the row before, where that is allowed; orders that this row lists may stay."""
        if self._stores is None or not self._reset:
            return
        if row.scene != "lists" or self._listed > row.rows:
            self._tell("removing the orders of the row before")
            self._stores.forget_orders()

    def set(self, row: Row) -> Scene:
        """Prepares what the row finds. Raises BringUpError where the shop refuses it."""
        self._listed = SOLD
        match row.scene:
            case "sale":
                return self._sale(self._take(row.products))
            case "stock":
                return self._stock(self._take(1))
            case "sold out":
                return self._sold_out(*self._take(1))
            case "mixed":
                return self._mixed()
            case "lists":
                return self._lists(row)
            case _:
                return Scene()

    def _take(self, count: int) -> tuple[int, ...]:
        first = next(self._next)
        return tuple(range(first, first + count))

    def _sale(self, products: tuple[int, ...]) -> Scene:
        for product in products:
            self._offer(product, UNITS)
        settings = {"PRODUCT_ID": str(products[0]), "PRODUCTS": str(len(products))}
        return Scene(products, UNITS * len(products), settings=settings)

    def _offer(self, product: int, units: int) -> None:
        self._gateway.must("POST", "/api/v1/stock/setFlashSale", {"productID": product, "stock": units})

    def _stock(self, products: tuple[int, ...]) -> Scene:
        """Stock that is on no flash sale."""
        self._gateway.must("POST", "/api/v1/stock", {"productID": products[0], "stock": UNITS})
        return Scene(products, UNITS, settings={"PRODUCT_ID": str(products[0])})

    def _sold_out(self, product: int) -> Scene:
        """Sells the few units there are, so that what is measured is a sale that has sold out."""
        self._offer(product, FEW_UNITS)
        for user in range(1, FEW_UNITS + 1):
            self._gateway.must("POST", "/api/v1/flashSale", {"userID": user, "productID": product, "amount": 100})
        return Scene((product,), FEW_UNITS, sold_before=FEW_UNITS, settings={"PRODUCT_ID": str(product)})

    def _mixed(self) -> Scene:
        good, empty = self._take(2)
        scene = self._stock((good,))
        self._gateway.must("POST", "/api/v1/stock", {"productID": empty, "stock": 0})
        coupon = self._gateway.must("POST", "/api/v1/coupon", {"userID": STRANGER, "amount": 10, "status": 1})["id"]
        bad = {"BAD_COUPON_ID": str(coupon), "BAD_PRODUCT_ID": str(empty)}
        return Scene((good, empty), UNITS, settings={**scene.settings, **bad})

    def _lists(self, row: Row) -> Scene:
        """Some rows in the small tables; in the orders' table as many as the row says."""
        self._list_something()
        if self._stores is not None and self._reset:
            fill_orders(self._stores, row.rows, self._tell)
            self._look_at_orders(row.rows)
            self._listed = row.rows
        return Scene()

    def _list_something(self) -> None:
        for resource, body in _small_tables():
            missing = LISTED - self._gateway.page(resource, 0, 1)[0]
            for number in range(missing):
                self._gateway.must("POST", f"/api/v1/{resource}", body(number))

    def _look_at_orders(self, rows: int) -> None:
        """The load reads statuses only, so what the list says is checked here."""
        total, page = self._gateway.page("order", 0, 10)
        if total != rows or len(page) != min(10, rows):
            raise BringUpError(f"The list shows {len(page)} of {total} orders where there are {rows}")


def _small_tables() -> list[tuple[str, Callable[[int], dict[str, object]]]]:
    return [
        ("product", lambda n: {"name": f"Tea pot {n}", "price": 100, "description": "Holds a litre."}),
        ("user", _user),
        ("coupon", lambda n: {"userID": STRANGER, "amount": 10 + n, "status": 1}),
        ("stock", lambda n: {"productID": 1 + n, "stock": 100}),
    ]


def _user(number: int) -> dict[str, object]:
    return {
        "name": f"Ada {number}",
        "email": f"bench-{number}@example.com",
        "password": "only for the bench",
        "phone": "+4915200000000",
        "age": 36,
        "gender": 2,
        "status": 1,
        "loginType": 1,
    }
