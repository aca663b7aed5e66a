"""Batches of one, two, seven and five hundred: each caller gets the answer that they would have got alone."""

from collections.abc import Sequence
from typing import Any

import fresh
import pytest
from books import Books
from databases import Databases
from gateway_client import Gateway
from transports import Transport

SIZES = pytest.mark.parametrize("size", [1, 2, 7, 500])
NO_SUCH_COUPON = 2**40
SOLD_OUT, NO_COUPON = "OUT_OF_STOCK", "UNKNOWN_COUPON"
ABORTED = 10


def _orders(product: int, empty: int, size: int) -> tuple[list[dict[str, Any]], list[str]]:
    """Orders of which, from the second on, every fifth is over a coupon that does not exist or a product that is sold
    out; and the code that each must be refused with, "" for none.
    """
    orders, codes = [], []
    for number in range(size):
        code = {1: NO_COUPON, 3: SOLD_OUT}.get(number % 10, "")
        bought = empty if code == SOLD_OUT else product
        coupon = NO_SUCH_COUPON if code == NO_COUPON else 0
        user = fresh.user_id()
        orders.append({"userID": user, "productID": bought, "productCount": 1, "amount": 100 + number})
        orders[-1]["couponID"] = coupon
        codes.append(code)
    return orders, codes


async def _shelf(gw: Gateway, product: int, units: int) -> int:
    """Units of one product, none of another, whose id is returned."""
    empty = fresh.product_id()
    await gw.set_stock(product, units)
    await gw.set_stock(empty, 0)
    return empty


def _amounts(db: Databases, order_ids: Sequence[str]) -> list[int]:
    return [
        db.value("SELECT amount FROM eshop_order.order_record WHERE order_id = %s", order_id) for order_id in order_ids
    ]


@SIZES
async def test_orders_are_confirmed_or_refused_each_for_itself(
    gw: Gateway, over_grpc: Transport, books: Books, db: Databases, product: int, size: int
) -> None:
    empty = await _shelf(gw, product, size)
    orders, codes = _orders(product, empty, size)

    results = (await over_grpc("order", "SubmitMany", orders=orders))["results"]

    good = [n for n, code in enumerate(codes) if not code]
    placed = {n: results[n]["reply"]["orderID"] for n in good}
    assert [bool(result["failure"]) for result in results] == [bool(code) for code in codes]
    assert all(results[n]["failure"]["status"] == ABORTED for n, code in enumerate(codes) if code)
    assert [(await gw.settled(order_id))["status"] for order_id in placed.values()] == ["confirmed"] * len(good)
    assert _amounts(db, list(placed.values())) == [100 + n for n in good]
    assert db.stock(product) == size - len(good)
    await books.balance(product, sold=len(good), accepted=placed.values())
    await books.balance(empty, sold=0)


@SIZES
async def test_buffered_orders_end_each_for_itself(
    gw: Gateway, over_grpc: Transport, books: Books, product: int, size: int
) -> None:
    empty = await _shelf(gw, product, size)
    orders, codes = _orders(product, empty, size)

    results = (await over_grpc("order", "SendSubmitOrderNotifyMany", orders=orders))["results"]

    ids = [result["reply"]["orderID"] for result in results]
    outcomes = [await gw.settled(order_id) for order_id in ids]
    assert [outcome["status"] for outcome in outcomes] == ["refused" if code else "confirmed" for code in codes]
    assert [outcome["order"]["amount"] for outcome in outcomes] == [order["amount"] for order in orders]
    good = [order_id for order_id, code in zip(ids, codes, strict=True) if not code]
    await books.balance(product, sold=len(good), accepted=good)
    await books.balance(empty, sold=0)


@SIZES
async def test_a_flash_sale_sells_what_it_has_to_who_came_first(
    gw: Gateway, over_grpc: Transport, books: Books, db: Databases, product: int, size: int
) -> None:
    units = (size + 1) // 2
    await gw.set_flash(product, units, limit=1)
    users = [fresh.user_id() for _ in range(size)]
    buyers = [{"userID": user, "productID": product, "amount": 100} for user in users]

    results = (await over_grpc("flash_sale", "FlashSaleMany", buyers=buyers))["results"]

    sold = [result["reply"]["orderID"] for result in results if not result["failure"]]
    assert len(sold) == units
    assert len(set(sold)) == units
    assert db.flash_left(product) == 0
    outcomes = [await gw.settled(order_id) for order_id in sold]
    buyers_of_them = [user for user, result in zip(users, results, strict=True) if not result["failure"]]
    assert [outcome["order"]["userID"] for outcome in outcomes] == buyers_of_them
    await books.balance(product, sold=units, accepted=sold)


@SIZES
async def test_a_limit_of_one_holds_within_a_batch(
    gw: Gateway, over_grpc: Transport, books: Books, product: int, user: int, size: int
) -> None:
    await gw.set_flash(product, size, limit=1)
    buyers = [{"userID": user, "productID": product, "amount": 100} for _ in range(size)]

    results = (await over_grpc("flash_sale", "FlashSaleMany", buyers=buyers))["results"]

    sold = [result["reply"]["orderID"] for result in results if not result["failure"]]
    assert len(sold) == 1
    assert (await gw.settled(sold[0]))["status"] == "confirmed"
    await books.balance(product, sold=1, accepted=sold)
