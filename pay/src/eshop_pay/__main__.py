"""Starts the pay service: `python -m eshop_pay`."""

from typing import NoReturn

from eshop_chassis import run
from eshop_contract import SHOP
from eshop_pay.settings import Settings
from eshop_pay.wiring import open_service


def main() -> NoReturn:
    """Serves until SIGTERM or SIGINT."""
    run("pay", Settings, open_service, SHOP)


if __name__ == "__main__":
    main()
