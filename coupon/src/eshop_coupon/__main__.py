"""Starts the coupon service: `python -m eshop_coupon`; with `migrate`, only brings its tables to this release."""

from typing import NoReturn

from eshop_chassis import run
from eshop_contract import SHOP
from eshop_coupon.settings import Settings
from eshop_coupon.wiring import TABLES, open_service


def main() -> NoReturn:
    """Serves until SIGTERM or SIGINT."""
    run("coupon", Settings, open_service, SHOP, tables=TABLES)


if __name__ == "__main__":
    main()
