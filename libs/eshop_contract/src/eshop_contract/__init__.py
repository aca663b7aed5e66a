"""What the services and tools of this shop share: order ids, the order queue's messages, refusals and their texts."""

from eshop_contract import refusals
from eshop_contract.order_ids import LENGTH, Kind, OrderIds, OrderIdSettings
from eshop_contract.queue_message import QueuedOrder, queued_order
from eshop_contract.refusals import Refusal
from eshop_contract.vocabulary import SHOP, ShopVocabulary

__all__ = [
    "LENGTH",
    "SHOP",
    "Kind",
    "OrderIdSettings",
    "OrderIds",
    "QueuedOrder",
    "Refusal",
    "ShopVocabulary",
    "queued_order",
    "refusals",
]
