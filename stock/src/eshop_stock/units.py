"""Units of products that an order takes, and who is at fault when there are too few."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from eshop_chassis.dtm import BranchRefusal, Fault

SOLD_OUT_CODE = 30023
UNKNOWN_PRODUCT_CODE = 30026


@dataclass(frozen=True)
class Units:
    """The units of one order. `flash_taken`: they were taken from the flash sale before this branch."""

    ref: str
    product_id: int
    count: int
    user_id: int = 0
    flash_taken: bool = False


@dataclass(frozen=True)
class Stock:
    """A stock row, as far as deducting needs it."""

    product_id: int
    stock: int
    on_flash_sale: bool


def total_by_product(items: Iterable[Units]) -> dict[int, int]:
    """Units per product, ordered by product id: rows are locked in that order, so nobody waits in a ring."""
    totals: dict[int, int] = defaultdict(int)
    for item in items:
        totals[item.product_id] += item.count
    return dict(sorted(totals.items()))


def shortage(items: Sequence[Units], stocks: Mapping[int, Stock]) -> BranchRefusal | None:
    """Names the orders that can't be served: each order is served, in turn, if what is left suffices for it."""
    left = {product_id: row.stock for product_id, row in stocks.items()}
    faults: list[Fault] = []
    for item in items:
        if item.product_id not in left:
            faults.append(Fault(item.ref, "UNKNOWN_PRODUCT", f"product {item.product_id} is not for sale"))
        elif left[item.product_id] < item.count:
            faults.append(Fault(item.ref, "OUT_OF_STOCK", _too_few(item, left[item.product_id])))
        else:
            left[item.product_id] -= item.count
    if not faults:
        return None
    return BranchRefusal(faults, code=SOLD_OUT_CODE if faults[0].code == "OUT_OF_STOCK" else UNKNOWN_PRODUCT_CODE)


def _too_few(item: Units, left: int) -> str:
    if left == 0:
        return f"product {item.product_id} is sold out"
    return f"{item.count} units of product {item.product_id} were ordered, but only {left} can be had"
