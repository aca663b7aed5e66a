"""What the services and tools of this shop share: order ids, the messages of the order queue."""

from eshop_contract.order_ids import LENGTH, Kind, OrderIds, OrderIdSettings
from eshop_contract.queue_message import QueuedOrder, queued_order

__all__ = ["LENGTH", "Kind", "OrderIdSettings", "OrderIds", "QueuedOrder", "queued_order"]
