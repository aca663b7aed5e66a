"""Starts the flash_sale service: `python -m eshop_flash_sale`."""

from typing import NoReturn

from eshop_chassis import run
from eshop_contract import SHOP
from eshop_flash_sale.settings import Settings
from eshop_flash_sale.wiring import open_service


def main() -> NoReturn:
    """Serves until SIGTERM or SIGINT."""
    run("flash_sale", Settings, open_service, SHOP)


if __name__ == "__main__":
    main()
