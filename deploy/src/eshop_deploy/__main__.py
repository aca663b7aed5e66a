"""`python -m eshop_deploy` is `eshop`."""

from eshop_deploy.cli import main

main()
