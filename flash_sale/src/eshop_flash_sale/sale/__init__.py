"""The sales in Redis, and what is known of its restarts."""

from eshop_flash_sale.sale.sales import SALE_CLOSED, UNDONE, Keys, Sales, Take, Taken, refusals_of

__all__ = ["SALE_CLOSED", "UNDONE", "Keys", "Sales", "Take", "Taken", "refusals_of"]
