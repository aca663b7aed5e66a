"""`python -m eshop_bench` is `eshop-bench`."""

from eshop_bench.cli import main

main()
