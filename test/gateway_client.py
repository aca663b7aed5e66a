"""A client of the gateway's HTTP side that looks at answers as they are: status, envelope, time taken."""

import time
from dataclasses import dataclass
from typing import Any

import httpx
from patience import eventually

FINAL = ("confirmed", "refused", "cancelled")


@dataclass(frozen=True)
class Answer:
    """What came back; `seconds` is how long it took."""

    status: int
    code: int
    msg: str
    data: dict[str, Any]
    seconds: float

    @property
    def order_id(self) -> str:
        """The order that was taken in; fails where none was."""
        assert self.status == 200, self
        return self.data["orderID"]


class Gateway:
    """The shop's front door."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def ask(self, verb: str, path: str, **request: Any) -> Answer:
        """One request; `request` as httpx takes it."""
        begin = time.monotonic()
        response = await self.http.request(verb, path, **request)
        envelope = response.json()
        assert set(envelope) == {"code", "msg", "data"}, response.text
        return Answer(response.status_code, **envelope, seconds=time.monotonic() - begin)

    async def must(self, verb: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """The data of an answer that has to be ok."""
        answer = await self.ask(verb, path, json=body)
        assert (answer.status, answer.code) == (200, 0), answer
        return answer.data

    async def submit(
        self, user: int, product: int, *, count: int = 1, amount: int = 100, coupon: int = 0, key: str | None = None
    ) -> Answer:
        body = _order(user, product, count, amount, coupon)
        return await self.ask("POST", "/api/v1/order/submit", json=body, headers=_headers(key))

    async def notify(
        self, user: int, product: int, *, count: int = 1, amount: int = 100, coupon: int = 0, key: str | None = None
    ) -> Answer:
        """A buffered order."""
        body = _order(user, product, count, amount, coupon)
        return await self.ask("POST", "/api/v1/order/sendSubmitNotify", json=body, headers=_headers(key))

    async def flash(self, user: int, product: int, *, amount: int = 100, key: str | None = None) -> Answer:
        body = {"userID": user, "productID": product, "amount": amount}
        return await self.ask("POST", "/api/v1/flashSale", json=body, headers=_headers(key))

    async def set_flash(self, product: int, stock: int, *, limit: int = 0) -> None:
        body = {"productID": product, "stock": stock, "perUserLimit": limit}
        await self.must("POST", "/api/v1/stock/setFlashSale", body)

    async def set_stock(self, product: int, stock: int) -> int:
        """Creates the product's stock row; returns its id."""
        return (await self.must("POST", "/api/v1/stock", {"productID": product, "stock": stock}))["id"]

    async def new_coupon(self, user: int, *, amount: int = 50) -> int:
        return (await self.must("POST", "/api/v1/coupon", {"userID": user, "amount": amount, "status": 1}))["id"]

    async def outcome(self, order_id: str) -> Answer:
        return await self.ask("GET", f"/api/v1/order/outcome/{order_id}")

    async def settled(self, order_id: str, *, within: float = 20.0) -> dict[str, Any]:
        """Waits until the order is final; returns its outcome."""

        async def final() -> dict[str, Any] | None:
            answer = await self.outcome(order_id)
            assert answer.status == 200, answer
            return answer.data if answer.data["status"] in FINAL else None

        return await eventually(final, within=within)


def _order(user: int, product: int, count: int, amount: int, coupon: int) -> dict[str, int]:
    return {"userID": user, "productID": product, "productCount": count, "amount": amount, "couponID": coupon}


def _headers(key: str | None) -> dict[str, str]:
    return {} if key is None else {"idempotency-key": key}
