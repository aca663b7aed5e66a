"""Starts the eshop_gw service: `python -m eshop_gw`."""

from typing import NoReturn

from eshop_chassis import run
from eshop_contract import SHOP
from eshop_gw.settings import Settings
from eshop_gw.wiring import open_service


def main() -> NoReturn:
    """Serves until SIGTERM or SIGINT."""
    run("gw", Settings, open_service, SHOP)


if __name__ == "__main__":
    main()
