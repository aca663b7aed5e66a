"""Starts the product service: `python -m eshop_product`; with `migrate`, only brings its tables to this release."""

from typing import NoReturn

from eshop_chassis import run
from eshop_contract import SHOP
from eshop_product.settings import Settings
from eshop_product.wiring import TABLES, open_service


def main() -> NoReturn:
    """Serves until SIGTERM or SIGINT."""
    run("product", Settings, open_service, SHOP, tables=TABLES)


if __name__ == "__main__":
    main()
