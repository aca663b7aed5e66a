"""What services and tools of this shop share: order ids, the order queue and its messages, refusals and their texts."""

from eshop_contract import refusals
from eshop_contract.order_ids import LENGTH, PUBLISHED_KEY, Kind, OrderIds, OrderIdSettings
from eshop_contract.order_queue import SEAL, OrderQueueSettings, QueueSeal
from eshop_contract.queue_message import MAX_ORDER_BYTES, QueuedOrder, queued_order, read_order
from eshop_contract.refusals import Refusal
from eshop_contract.vocabulary import SHOP, ShopVocabulary

__all__ = [
    "LENGTH",
    "MAX_ORDER_BYTES",
    "PUBLISHED_KEY",
    "SEAL",
    "SHOP",
    "Kind",
    "OrderIdSettings",
    "OrderIds",
    "OrderQueueSettings",
    "QueueSeal",
    "QueuedOrder",
    "Refusal",
    "ShopVocabulary",
    "queued_order",
    "read_order",
    "refusals",
]
