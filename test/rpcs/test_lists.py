"""Lists: pages, order and filters, in both naming styles; what is not a column is refused, never passed on."""

import asyncio
import secrets
from typing import Any

import fresh
import pytest
import pytest_asyncio
from transports import Transport, failing

PRICES = [10, 20, 30, 40, 50]
MANY = 1005


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shelf(over_grpc: Transport) -> str:
    """Five products of rising price whose names begin with a mark of their own; returns the mark."""
    mark = f"shelf-{secrets.token_hex(6)}"
    for price in PRICES:
        await over_grpc("product", "Create", name=f"{mark} {price}", price=price, description="on the shelf")
    return mark


async def _prices(on: Transport, shelf: str, *columns: dict[str, str], **params: Any) -> list[int]:
    """The prices that a list returns of the shelf."""
    of_shelf = {"name": "name", "exp": "like", "value": shelf}
    reply = await on("product", "List", params={"limit": 100, **params, "columns": [of_shelf, *columns]})
    return [product["price"] for product in reply["products"]]


async def test_pages_follow_each_other_newest_first(on: Transport, shelf: str) -> None:
    pages = [await _prices(on, shelf, limit=2, page=page) for page in range(4)]

    assert pages == [[50, 40], [30, 20], [10], []]


async def test_a_walk_by_cursor_sees_every_row_once_though_newer_ones_come(on: Transport, shelf: str) -> None:
    columns = [{"name": "name", "exp": "like", "value": shelf}]
    found, before = [], 0
    while True:
        reply = await on("product", "List", params={"limit": 2, "before": before, "columns": columns})
        if not reply["products"]:
            break
        assert reply["total"] == len(PRICES)
        found += [product["price"] for product in reply["products"]]
        before = reply["products"][-1]["id"]
        await on("product", "Create", name="came between two pages", price=1)

    assert found == PRICES[::-1]


async def test_the_gateway_lists_from_a_cursor_on(on: Transport, shelf: str) -> None:
    first = (await on("gw", "ListProduct", limit=3))["products"]
    second = await on("gw", "ListProduct", limit=1, before=first[0]["id"])
    assert second["products"][0]["id"] == first[1]["id"]


async def test_the_total_counts_all_pages(on: Transport, shelf: str) -> None:
    columns = [{"name": "name", "exp": "like", "value": shelf}]
    for page in (0, 9):
        reply = await on("product", "List", params={"limit": 2, "page": page, "columns": columns})
        assert reply["total"] == len(PRICES)


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("", [50, 40, 30, 20, 10]),
        ("id", [10, 20, 30, 40, 50]),
        ("-id", [50, 40, 30, 20, 10]),
        ("price", [10, 20, 30, 40, 50]),
        ("description,-price", [50, 40, 30, 20, 10]),
        ("-description, price", [10, 20, 30, 40, 50]),
        ("createdAt,id", [10, 20, 30, 40, 50]),
        ("created_at,-id", [50, 40, 30, 20, 10]),
    ],
)
async def test_a_list_is_sorted_as_asked(on: Transport, shelf: str, sort: str, expected: list[int]) -> None:
    prices = await _prices(on, shelf, sort=sort)
    if sort.startswith("created"):  # several rows may share a second
        assert sorted(prices) == PRICES
    else:
        assert prices == expected


@pytest.mark.parametrize(
    ("exp", "value", "expected"),
    [
        ("", "30", [30]),
        ("eq", "30", [30]),
        ("=", "30", [30]),
        ("neq", "30", [50, 40, 20, 10]),
        ("!=", "30", [50, 40, 20, 10]),
        ("gt", "30", [50, 40]),
        (">", "30", [50, 40]),
        ("gte", "30", [50, 40, 30]),
        (">=", "30", [50, 40, 30]),
        ("lt", "30", [20, 10]),
        ("<", "30", [20, 10]),
        ("lte", "30", [30, 20, 10]),
        ("<=", "30", [30, 20, 10]),
        ("like", "4", [40]),
        ("in", "10,50,77", [50, 10]),
    ],
)
async def test_a_column_is_compared_as_asked(
    on: Transport, shelf: str, exp: str, value: str, expected: list[int]
) -> None:
    assert await _prices(on, shelf, {"name": "price", "exp": exp, "value": value}) == expected


@pytest.mark.parametrize("logic", ["or", "|", "||", "OR"])
async def test_conditions_are_joined_by_or(on: Transport, shelf: str, logic: str) -> None:
    names = [f"{shelf} {price}" for price in (20, 40)]
    columns = [{"name": "name", "value": names[0], "logic": logic}, {"name": "name", "value": names[1]}]

    reply = await on("product", "List", params={"limit": 10, "columns": columns})

    assert [product["name"] for product in reply["products"]] == names[::-1]


@pytest.mark.parametrize("logic", ["", "and", "&", "&&"])
async def test_conditions_are_joined_by_and(on: Transport, shelf: str, logic: str) -> None:
    low = {"name": "price", "exp": "gt", "value": "10", "logic": logic}
    high = {"name": "price", "exp": "lt", "value": "40"}

    assert await _prices(on, shelf, low, high) == [30, 20]


@pytest.mark.parametrize("name", ["productID", "product_id"])
async def test_columns_are_named_as_in_sql_or_as_in_json(on: Transport, name: str) -> None:
    product = fresh.product_id()
    await on("stock", "Create", productID=product, stock=5)

    reply = await on("stock", "List", params={"limit": 5, "columns": [{"name": name, "value": str(product)}]})

    assert [row["productID"] for row in reply["stocks"]] == [product]


@pytest.mark.parametrize("value", ["'; DROP TABLE product; --", "\\", '" OR 1=1', "%' OR '1'='1", "☕'"])
async def test_sql_in_a_value_is_only_a_value(on: Transport, shelf: str, value: str) -> None:
    assert await _prices(on, shelf, {"name": "description", "value": value}) == []
    assert len(await _prices(on, shelf)) == len(PRICES)


@pytest.mark.parametrize("sort", ["nope", "id; DROP TABLE product", "id desc", "-", "(SELECT 1)", "id,,price", "1"])
async def test_a_sort_that_names_no_column_is_refused(on: Transport, sort: str) -> None:
    with failing("INVALID_ARGUMENT", "sort"):
        await on("product", "List", params={"limit": 1, "sort": sort})


@pytest.mark.parametrize("name", ["nope", "", "id = 1 OR 1", "deleted_at", "product.id", "`id`"])
async def test_a_filter_by_what_is_no_column_is_refused(on: Transport, name: str) -> None:
    with failing("INVALID_ARGUMENT", "name"):
        await on("product", "List", params={"limit": 1, "columns": [{"name": name, "value": "1"}]})


@pytest.mark.parametrize("service", ["user", "product", "order", "stock", "coupon", "pay"])
@pytest.mark.parametrize("name", ["nope", "id' OR '1'='1", "1;DROP TABLE stock", "deleted_at", "id)", "a.b"])
async def test_every_list_refuses_what_is_no_column(on: Transport, service: str, name: str) -> None:
    with failing("INVALID_ARGUMENT", "name"):
        await on(service, "List", params={"limit": 1, "columns": [{"name": name, "value": "1"}]})
    with failing("INVALID_ARGUMENT", "sort"):
        await on(service, "List", params={"limit": 1, "sort": name})


async def test_nobody_searches_for_password_hashes(on: Transport) -> None:
    with failing("INVALID_ARGUMENT", "name"):
        await on("user", "List", params={"limit": 1, "columns": [{"name": "password", "exp": "like", "value": "$"}]})
    with failing("INVALID_ARGUMENT", "sort"):
        await on("user", "List", params={"limit": 1, "sort": "password"})


@pytest.mark.parametrize(
    ("field", "column"),
    [
        ("exp", {"name": "price", "exp": "<=>", "value": "1"}),
        ("exp", {"name": "price", "exp": "OR 1=1", "value": "1"}),
        ("logic", {"name": "price", "value": "1", "logic": "xor"}),
        ("value", {"name": "price", "value": "cheap"}),
        ("value", {"name": "price", "exp": "in", "value": "1,x"}),
        ("value", {"name": "id", "value": "9" * 40}),
        ("value", {"name": "createdAt", "exp": "gt", "value": "yesterday"}),
    ],
)
async def test_a_condition_that_makes_no_sense_is_refused_by_name(
    on: Transport, field: str, column: dict[str, str]
) -> None:
    with failing("INVALID_ARGUMENT", field):
        await on("product", "List", params={"limit": 1, "columns": [column]})


@pytest.mark.parametrize(
    ("field", "params"),
    [("page", {"page": -1, "limit": 5}), ("limit", {"limit": 0}), ("limit", {"limit": -3}), ("limit", {})],
)
async def test_a_page_that_cannot_be_is_refused_by_name(on: Transport, field: str, params: dict[str, int]) -> None:
    with failing("INVALID_ARGUMENT", field):
        await on("product", "List", params=params)


async def test_a_page_far_behind_the_last_is_empty(on: Transport, shelf: str) -> None:
    assert await _prices(on, shelf, page=2**31 - 1, limit=1000) == []


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def collector(over_grpc: Transport) -> int:
    """A user who has more coupons than a list returns."""
    user = fresh.user_id()
    for _ in range(0, MANY, 67):
        await asyncio.gather(*(over_grpc("coupon", "Create", userID=user, amount=1) for _ in range(67)))
    return user


async def test_a_list_has_at_most_a_thousand_rows_whatever_the_limit(on: Transport, collector: int) -> None:
    columns = [{"name": "userID", "value": str(collector)}]

    reply = await on("coupon", "List", params={"limit": 10**9, "columns": columns})

    assert (reply["total"], len(reply["coupons"])) == (MANY, 1000)
    rest = await on("coupon", "List", params={"limit": 10**9, "page": 1, "columns": columns})
    assert len(rest["coupons"]) == MANY - 1000


async def test_the_gateways_lists_have_at_most_a_thousand_rows_too(on: Transport, collector: int) -> None:
    reply = await on("gw", "ListCoupon", page=0, limit=10**9)

    assert len(reply["coupons"]) == 1000
    assert reply["total"] >= MANY
