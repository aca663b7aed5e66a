"""Placing orders: the batch, its saga, refusals, screening, lanes, units, and the sweeper."""

from eshop_order.placing.saga import Addresses, OrderSagas

__all__ = ["Addresses", "OrderSagas"]
