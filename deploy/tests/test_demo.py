from __future__ import annotations

from typing import Any

import pytest

from eshop_deploy import demo
from eshop_deploy.failures import BringUpError
from eshop_deploy.gateway import Answer, Gateway, Json


class FakeGateway(Gateway):
    """A gateway in memory: rows by resource, and the outcomes it will tell one after another."""

    def __init__(self) -> None:
        super().__init__("nowhere", 0)
        self.rows: dict[str, list[dict[str, Any]]] = {}
        self.calls: list[tuple[str, Json]] = []
        self.replies: dict[str, Answer] = {}
        self.outcomes = ["accepted", "running", "confirmed"]

    def call(self, method: str, path: str, body: Json | None = None) -> Answer:
        if method == "GET":
            return self._get(path)
        self.calls.append((path, body or {}))
        if path in self.replies:
            return self.replies[path]
        if path in ("/api/v1/order/submit", "/api/v1/order/sendSubmitNotify", "/api/v1/flashSale"):
            return good(orderID="0123456789abcdef", status="running")
        return self._make(path.split("/")[3], dict(body or {}))

    def _get(self, path: str) -> Answer:
        if "/outcome/" in path:
            status = self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]
            return good(status=status, reason="")
        resource, query = path.split("/")[3], path.partition("?")[2]
        page, limit = (int(pair.partition("=")[2]) for pair in query.split("&"))
        newest_first = self.rows.get(resource, [])[::-1]
        return good(total=len(newest_first), **{f"{resource}s": newest_first[page * limit :][:limit]})

    def _make(self, resource: str, row: dict[str, Any]) -> Answer:
        rows = self.rows.setdefault(resource, [])
        rows.append({**row, "id": len(rows) + 1})
        return good(id=len(rows))

    def posted(self, path: str) -> list[Json]:
        return [body for where, body in self.calls if where == path]


def good(**data: Any) -> Answer:
    return Answer(200, 0, "ok", data)


def test_an_empty_shop_gets_a_product_with_stock_a_user_and_a_coupon() -> None:
    gateway = FakeGateway()
    assert demo.load(gateway) == (1, 1)
    assert {resource: len(rows) for resource, rows in gateway.rows.items()} == {
        "product": 1,
        "user": 1,
        "coupon": 1,
        "stock": 1,
    }
    assert gateway.posted("/api/v1/stock/setFlashSale") == [{"productID": 1, "stock": demo.STOCK}]


def test_a_second_run_makes_nothing_new() -> None:
    gateway = FakeGateway()
    demo.load(gateway)
    gateway.calls.clear()
    demo.load(gateway)
    assert gateway.calls == []


def test_stock_that_somebody_set_is_left_alone() -> None:
    gateway = FakeGateway()
    gateway.rows = {"product": [{"id": 4}, {"id": 5}], "stock": [{"id": 1, "productID": 4, "stock": 0}]}
    assert demo.load(gateway) == (1, 4)
    assert gateway.posted("/api/v1/stock/setFlashSale") == []


def test_stock_of_another_product_does_not_count() -> None:
    gateway = FakeGateway()
    gateway.rows = {"product": [{"id": 4}], "stock": [{"id": 1, "productID": 5, "stock": 3}]}
    demo.load(gateway)
    assert gateway.posted("/api/v1/stock/setFlashSale") == [{"productID": 4, "stock": demo.STOCK}]


def test_one_order_of_each_kind_is_placed_and_followed_to_its_outcome() -> None:
    outcomes = demo.order_one_of_each(FakeGateway(), 1, 1)
    assert [outcome.kind for outcome in outcomes] == ["direct order", "buffered order", "flash sale"]
    assert {outcome.status for outcome in outcomes} == {"confirmed"}


def test_a_refusal_at_the_counter_is_an_outcome_with_its_reason() -> None:
    gateway = FakeGateway()
    gateway.replies["/api/v1/flashSale"] = Answer(409, 30023, "sold out", {})
    sale = demo.order_one_of_each(gateway, 1, 1)[-1]
    assert (sale.status, sale.reason) == ("refused", "sold out")


def test_an_order_without_an_outcome_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "LONGEST_SECONDS", 0.1)
    gateway = FakeGateway()
    gateway.outcomes = ["running"]
    assert demo.order_one_of_each(gateway, 1, 1)[0].status == "running"


def test_bad_data_stops_the_demo_with_the_gateways_words() -> None:
    gateway = FakeGateway()
    gateway.replies["/api/v1/product"] = Answer(503, 10013, "product is away", {})
    with pytest.raises(BringUpError, match="answered 503, code 10013: product is away"):
        demo.load(gateway)
