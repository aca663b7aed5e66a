"""What the services and tools of this shop share: order ids, the order queue and its messages."""

from eshop_contract.order_ids import LENGTH, PUBLISHED_KEY, Kind, OrderIds, OrderIdSettings
from eshop_contract.order_queue import SEAL, OrderQueueSettings, QueueSeal
from eshop_contract.queue_message import MAX_ORDER_BYTES, QueuedOrder, queued_order, read_order

__all__ = [
    "LENGTH",
    "MAX_ORDER_BYTES",
    "PUBLISHED_KEY",
    "SEAL",
    "Kind",
    "OrderIdSettings",
    "OrderIds",
    "OrderQueueSettings",
    "QueueSeal",
    "QueuedOrder",
    "queued_order",
    "read_order",
]
