"""The load: seeded random orders of each kind, in bursts (which go in batches) and one at a time."""

import asyncio
import random
from dataclasses import dataclass, field

import fresh
import httpx
from gateway_client import Gateway
from history import Due, History, Kind, Request

SALES = 6
SALE_UNITS = 500
# With so many requests a sale has sold out, and the next one is asked for.
SALE_REQUESTS = 600
SCARCE_UNITS = 60
PLENTY = 1_000_000
COUPONS = 30
MOST_IN_FLIGHT = 120
CLIENT_SECONDS = 10.0
BURST_EVERY = (0.15, 0.45)
BURST_SIZE = (4, 24)
SINGLE_PAUSE = (0.01, 0.06)
BAD_SHARE = 0.2
REPEAT_SHARE = 0.1


@dataclass
class Shelf:
    """What is for sale in one run, all of it its own: flash sales have a limit of one unit a buyer."""

    plenty: list[int] = field(default_factory=lambda: [fresh.product_id(), fresh.product_id()])
    scarce: int = field(default_factory=fresh.product_id)
    sales: list[int] = field(default_factory=lambda: [fresh.product_id() for _ in range(SALES)])
    unknown: int = field(default_factory=fresh.product_id)
    coupons: list[tuple[int, int]] = field(default_factory=list)
    """(coupon, its owner)"""
    more: list[int] = field(default_factory=list)
    """Products that a fault puts on sale for its own purposes."""

    @property
    def products(self) -> list[int]:
        return [*self.plenty, self.scarce, *self.sales, self.unknown, *self.more]

    async def fill(self, gw: Gateway) -> None:
        for product in self.plenty:
            await gw.set_stock(product, PLENTY)
        await gw.set_stock(self.scarce, SCARCE_UNITS)
        for sale in self.sales:
            await gw.set_flash(sale, SALE_UNITS, limit=1)
        users = [fresh.user_id() for _ in range(COUPONS)]
        self.coupons = [(await gw.new_coupon(user), user) for user in users]


class Buyers:
    """Buyers who ask at random until they are told to stop."""

    def __init__(self, gw: Gateway, shelf: Shelf, rng: random.Random, *, pace: float = 1.0) -> None:
        self._gw = gw
        self._shelf = shelf
        self._rng = rng
        self._pace = pace
        self._in_flight: set[asyncio.Task[None]] = set()
        self._flash_buyers: list[int] = []
        self._flash_requests = 0
        self._coupons = list(shelf.coupons)
        self.history = History()

    async def ask_until(self, stop: asyncio.Event) -> None:
        """Asks, and returns when `stop` is set and every request has ended."""
        await asyncio.gather(self._bursts(stop), self._one_at_a_time(stop))
        if self._in_flight:
            await asyncio.wait(self._in_flight)

    def ask_soon(self, request: Request) -> "asyncio.Task[None]":
        """Asks beside the rest."""
        self.history.add(request)
        task = asyncio.create_task(self._ask(request))
        self._in_flight.add(task)
        task.add_done_callback(self._in_flight.discard)
        return task

    async def _bursts(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            if len(self._in_flight) < MOST_IN_FLIGHT:
                for _ in range(self._rng.randint(*BURST_SIZE)):
                    self.ask_soon(self.any_request())
            await asyncio.sleep(self._rng.uniform(*BURST_EVERY) / self._pace)

    async def _one_at_a_time(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            await self.ask_soon(self.any_request())
            await asyncio.sleep(self._rng.uniform(*SINGLE_PAUSE) / self._pace)

    def any_request(self) -> Request:
        kind = self._rng.choices(("order", "buffered", "flash"), (35, 20, 45))[0]
        if kind == "flash":
            self._flash_requests += 1
            return self.flash_request(self._sale)
        if self._rng.random() < BAD_SHARE:
            return self._bad_request(kind)
        return self._fair_request(kind)

    @property
    def _sale(self) -> int:
        """The sale that buyers are after at present."""
        return self._shelf.sales[min(self._flash_requests // SALE_REQUESTS, SALES - 1)]

    def flash_request(self, product: int) -> Request:
        again = self._flash_buyers and self._rng.random() < REPEAT_SHARE
        user = self._rng.choice(self._flash_buyers) if again else fresh.user_id()
        self._flash_buyers.append(user)
        return self._request("flash", user, product, "open")

    def buffered_request(self) -> Request:
        """An order for the queue in whose way nothing stands."""
        product = self._rng.choice(self._shelf.plenty)
        return self._request("buffered", fresh.user_id(), product, "good", count=self._rng.randint(1, 3))

    def _fair_request(self, kind: Kind) -> Request:
        what = self._rng.choices(("plenty", "scarce", "sale", "coupon"), (70, 10, 10, 10))[0]
        if what == "coupon" and self._coupons:
            coupon, user = self._coupons.pop()
            return self._request(kind, user, self._rng.choice(self._shelf.plenty), "good", coupon=coupon)
        if what in ("scarce", "sale"):
            # A limit of one unit a buyer holds for these orders too, and every buyer here is a new one.
            product = self._shelf.scarce if what == "scarce" else self._sale
            return self._request(kind, fresh.user_id(), product, "open")
        product = self._rng.choice(self._shelf.plenty)
        return self._request(kind, fresh.user_id(), product, "good", count=self._rng.randint(1, 3))

    def _bad_request(self, kind: Kind) -> Request:
        """An order that must be refused: by the coupon's branch, or by the stock's."""
        product = self._rng.choice(self._shelf.plenty)
        match self._rng.randrange(4):
            case 0:
                return self._request(kind, fresh.user_id(), self._shelf.unknown, "bad")
            case 1:
                return self._request(kind, fresh.user_id(), product, "bad", count=PLENTY * 2)
            case 2:
                return self._request(kind, fresh.user_id(), product, "bad", coupon=2**40 + self._rng.randrange(2**30))
            case _:
                coupon, _owner = self._rng.choice(self._shelf.coupons)
                return self._request(kind, fresh.user_id(), product, "bad", coupon=coupon)

    def _request(self, kind: Kind, user: int, product: int, due: Due, *, count: int = 1, coupon: int = 0) -> Request:
        number = len(self.history.requests)
        return Request(number, kind, user, product, count, 1000 + number, coupon, due)

    async def _ask(self, request: Request) -> None:
        try:
            async with asyncio.timeout(CLIENT_SECONDS):
                answer = await self._send(request)
        except (httpx.HTTPError, TimeoutError, ValueError, AssertionError) as error:
            request.answer = type(error).__name__
            return
        request.order_id = str(answer.data.get("orderID", ""))
        status = answer.data.get("status", "")
        request.answer = f"{answer.status} {status or (answer.msg if answer.status != 200 else 'ok')}"[:90]
        if answer.status == 200:
            request.told = "unknown" if status == "running" else "ok"
        elif answer.status in (400, 404, 409, 429):
            request.told = "refused"

    async def _send(self, r: Request):
        if r.kind == "flash":
            return await self._gw.flash(r.user, r.product, amount=r.amount)
        send = self._gw.submit if r.kind == "order" else self._gw.notify
        return await send(r.user, r.product, count=r.count, amount=r.amount, coupon=r.coupon)
