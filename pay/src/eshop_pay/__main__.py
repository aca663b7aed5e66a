"""Starts the pay service: `python -m eshop_pay`; with `migrate`, only brings its tables to this release."""

from typing import NoReturn

from eshop_chassis import run
from eshop_contract import SHOP
from eshop_pay.settings import Settings
from eshop_pay.wiring import TABLES, open_service


def main() -> NoReturn:
    """Serves until SIGTERM or SIGINT."""
    run("pay", Settings, open_service, SHOP, tables=TABLES)


if __name__ == "__main__":
    main()
