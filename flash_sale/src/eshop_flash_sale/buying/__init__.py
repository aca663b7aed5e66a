"""Buying units: the batch, and the two-phase message that it is."""

from eshop_flash_sale.buying.buy import Buying
from eshop_flash_sale.buying.messages import Messages

__all__ = ["Buying", "Messages"]
