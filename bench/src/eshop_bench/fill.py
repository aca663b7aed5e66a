"""A large order table, written straight into MySQL: the services would take an hour for it."""

from __future__ import annotations

from collections.abc import Callable

from eshop_bench.stores import Stores

CHUNK = 50_000
# Products and users of orders that nobody placed; no row sells these.
PRODUCTS_FROM = 900_000_000
_DIGITS = " UNION ALL ".join(f"SELECT {digit} AS d" for digit in range(10))
# 0 to 99,999, on MySQL 8 and MariaDB alike.
_NUMBERS = (
    "(SELECT a.d + 10 * b.d + 100 * c.d + 1000 * e.d + 10000 * f.d AS n"
    f" FROM ({_DIGITS}) a, ({_DIGITS}) b, ({_DIGITS}) c, ({_DIGITS}) e, ({_DIGITS}) f)"
)


def fill_orders(stores: Stores, rows: int, tell: Callable[[str], None]) -> None:
    """Adds confirmed orders until the table holds `rows`; whatever counts rows counts these as well."""
    there = int(stores.value("SELECT COUNT(*) FROM eshop_order.order_record"))
    for start in range(there, rows, CHUNK):
        tell(f"order table: {start:,} of {rows:,} rows")
        _add(stores, start, min(CHUNK, rows - start))
    if there < rows:
        stores.recount("eshop_order.order_record")
        stores.sql("ANALYZE TABLE eshop_order.order_record")


def _add(stores: Stores, start: int, rows: int) -> None:
    stores.change(
        "INSERT INTO eshop_order.order_record"
        " (order_id, user_id, product_id, product_count, amount, coupon_id, status, state, gid)"
        f" SELECT CONCAT('bench-', LPAD(n + {start}, 16, '0')), 1 + (n + {start}) %% 100000,"
        f" {PRODUCTS_FROM} + n %% 1000, 1, 100, 0, 1, 'confirmed', CONCAT('bench-', n + {start})"
        f" FROM {_NUMBERS} numbers WHERE n < %s ORDER BY n",
        rows,
    )
