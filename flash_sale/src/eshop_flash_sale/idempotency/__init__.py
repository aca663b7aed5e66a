"""Buying with an idempotency key."""

from eshop_flash_sale.idempotency.records import Claim, Known
from eshop_flash_sale.idempotency.requests import KeyedBuying

__all__ = ["Claim", "KeyedBuying", "Known"]
