"""Bringing accepted orders into the queue, and knowing when the queue is drained."""

from eshop_flash_sale.delivery.delivery import Delivery

__all__ = ["Delivery"]
