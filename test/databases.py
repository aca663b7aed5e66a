"""What the stores say, asked behind the services' backs. Read only."""

from contextlib import suppress
from typing import Any

import pymysql
import pymysql.cursors
import redis
from running_stack import RunningStack

Row = dict[str, Any]


class Databases:
    """MySQL and Redis of one stack."""

    def __init__(self, stack: RunningStack) -> None:
        self._mysql = pymysql.connect(**stack.mysql(), autocommit=True, cursorclass=pymysql.cursors.DictCursor)
        self._plain: pymysql.Connection[Any] = pymysql.connect(**stack.mysql(), autocommit=True)
        self.redis = redis.Redis(**stack.redis())

    @property
    def mysql(self) -> "pymysql.Connection[Any]":
        """The connection, for whoever reads rows as tuples."""
        return self._plain

    def close(self) -> None:
        with suppress(pymysql.Error):
            self._mysql.close()
            self._plain.close()
        self.redis.close()

    def rows(self, sql: str, *values: object) -> list[Row]:
        """All rows of a query."""
        with self._mysql.cursor() as cursor:
            cursor.execute(sql, values)
            return list(cursor.fetchall())

    def row(self, sql: str, *values: object) -> Row:
        """The only row of a query."""
        (row,) = self.rows(sql, *values)
        return row

    def value(self, sql: str, *values: object) -> Any:
        """The only column of the only row of a query."""
        (value,) = self.row(sql, *values).values()
        return value

    def stock(self, product_id: int) -> int | None:
        """Units of a product in MySQL; None where it has no row."""
        rows = self.rows("SELECT stock FROM eshop_stock.stock WHERE product_id = %s AND deleted_at IS NULL", product_id)
        return rows[0]["stock"] if rows else None

    def flash_left(self, product_id: int) -> int | None:
        """Units of a product that the flash sale still offers; None where it is not on sale."""
        left = self.redis.hget(f"flash:{{{product_id}}}:sale", "left")
        return None if left is None else int(left)

    def orders(self, product_id: int) -> list[Row]:
        """Every order row of a product, those that were given up included."""
        return self.rows("SELECT * FROM eshop_order.order_record WHERE product_id = %s ORDER BY id", product_id)

    def live_payments(self, order_id: str) -> list[Row]:
        """Payments of an order that are not reverted."""
        return self.rows(
            "SELECT * FROM eshop_pay.pay WHERE order_id = %s AND status IN (1, 2) AND deleted_at IS NULL", order_id
        )

    def coupon(self, coupon_id: int) -> Row:
        return self.row("SELECT * FROM eshop_coupon.coupon WHERE id = %s", coupon_id)
