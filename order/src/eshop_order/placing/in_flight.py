"""The orders that this process is bringing to an end."""

from collections.abc import Iterable


class InFlightOrders:
    """Which orders are in flight here, and in which transaction. The sweeper leaves them alone."""

    def __init__(self) -> None:
        self._gids: dict[str, str] = {}

    def __contains__(self, order_id: str) -> bool:
        return order_id in self._gids

    def gid_of(self, order_id: str) -> str:
        """The transaction that an order is in at present; "" before the first, and for one that is not in flight."""
        return self._gids.get(order_id, "")

    def enter(self, order_id: str, gid: str = "") -> None:
        """Notes that an order is in flight, from now on in this transaction."""
        self._gids[order_id] = gid

    def leave(self, order_ids: Iterable[str]) -> None:
        """Forgets orders that have ended, or that this process no longer handles."""
        for order_id in order_ids:
            self._gids.pop(order_id, None)
