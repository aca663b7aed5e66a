"""Starts the user service: `python -m eshop_user`; with `migrate`, only brings its tables to this release."""

from typing import NoReturn

from eshop_chassis import run
from eshop_contract import SHOP
from eshop_user.settings import Settings
from eshop_user.wiring import TABLES, open_service


def main() -> NoReturn:
    """Serves until SIGTERM or SIGINT."""
    run("user", Settings, open_service, SHOP, tables=TABLES)


if __name__ == "__main__":
    main()
