"""The books of one product: the invariants of `eshop verify`, and what the test itself was promised.

Everything is looked at when it has come to rest. A live order is one that is confirmed and not cancelled.
"""

from collections.abc import Collection, Iterator

from databases import Databases
from patience import eventually

from eshop_deploy.verify import look_at_products

CANCELLED = 5


class Books:
    """Checks what the services wrote."""

    def __init__(self, db: Databases) -> None:
        self._db = db

    async def balance(
        self, product: int, *, sold: int | None = None, accepted: Collection[str] = (), within: float = 10.0
    ) -> None:
        """Waits until the product's books are at rest, and asserts that nothing is wrong with them.

        `sold` is how many units live orders must have; `accepted` names orders that must be live.
        """
        problems: list[str] = []

        def agree() -> bool:
            problems[:] = self.problems(product, sold, accepted)
            return not problems

        try:
            await eventually(agree, within=within, every=0.1)
        except AssertionError:
            raise AssertionError("\n".join(problems)) from None

    def problems(self, product: int, sold: int | None, accepted: Collection[str]) -> list[str]:
        """What is not at rest, every broken invariant and every broken promise, as sentences."""
        look = look_at_products(self._db.mysql, self._db.redis, [product])
        return [
            *map(str, look.on_its_way),
            *map(str, look.findings),
            *self._promises(product, sold, accepted),
        ]

    def _promises(self, product: int, sold: int | None, accepted: Collection[str]) -> Iterator[str]:
        live = [order for order in self._db.orders(product) if _is_live(order)]
        ids = [order["order_id"] for order in live]
        for order_id in accepted:
            if ids.count(order_id) != 1:
                yield f"{order_id} was accepted, and there are {ids.count(order_id)} such orders"
        units = sum(order["product_count"] for order in live)
        if sold is not None and units != sold:
            yield f"live orders have {units} units, not {sold}"


def _is_live(order: dict[str, object]) -> bool:
    return order["state"] in ("confirmed", "claimed") and order["status"] != CANCELLED
