"""Units of products that an order takes, and who is at fault when there are too few."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from eshop_chassis.dtm import BranchRefusal, Fault
from eshop_contract import refusals


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
            faults.append(Fault(item.ref, *refusals.UNKNOWN_PRODUCT(product=item.product_id)))
        elif left[item.product_id] < item.count:
            refusal = refusals.too_few(item.product_id, item.count, left[item.product_id], on_sale=False)
            faults.append(Fault(item.ref, *refusal))
        else:
            left[item.product_id] -= item.count
    return BranchRefusal(faults) if faults else None
