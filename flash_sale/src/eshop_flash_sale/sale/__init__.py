"""The sales in Redis, and what is known of its restarts."""

from eshop_flash_sale.sale.sales import (
    LIMIT_REACHED,
    NOT_ON_SALE,
    SALE_CLOSED,
    SOLD_OUT,
    UNDONE,
    Keys,
    Sales,
    Take,
    Taken,
)

__all__ = ["LIMIT_REACHED", "NOT_ON_SALE", "SALE_CLOSED", "SOLD_OUT", "UNDONE", "Keys", "Sales", "Take", "Taken"]
