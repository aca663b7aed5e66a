"""Judges what buyers were told against what the stores say, once everything has come to rest."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from books import CANCELLED
from databases import Databases, Row
from gateway_client import FINAL, Answer, Gateway
from history import History, Request
from load import Shelf

ASKED_AT_ONCE = 20
MOST_TRIES = 4
SERVER_ERROR = 500


class Judge:
    """Knows one run's products and what was asked for."""

    def __init__(self, db: Databases, gw: Gateway, shelf: Shelf, history: History) -> None:
        self._db = db
        self._gw = gw
        self._shelf = shelf
        self._history = history

    async def broken_promises(self) -> list[str]:
        """I3 and I8: what buyers were told, against the orders there are and against GetOutcome."""
        rows = await asyncio.to_thread(self._rows)
        problems = [p for request in self._history.requests for p in promise(request, rows.pop(_key(request), []))]
        strangers = [row["order_id"] for left in rows.values() for row in left if _live(row)]
        problems += [f"I3 order {order_id}: nobody asked for it" for order_id in strangers]
        problems += await asyncio.to_thread(lambda: list(self._limits()))
        return problems + await self._outcomes()

    def live_orders(self) -> int:
        return sum(_live(row) for rows in self._rows().values() for row in rows)

    def _rows(self) -> dict[tuple[int, int], list[Row]]:
        """All order rows of the run, by what identifies a request: product and amount."""
        rows: dict[tuple[int, int], list[Row]] = defaultdict(list)
        for product in self._shelf.products:
            for row in self._db.orders(product):
                rows[row["product_id"], row["amount"]].append(row)
        return rows

    def _limits(self) -> Iterator[str]:
        """One unit a buyer of each sale."""
        for product in self._shelf.sales:
            bought: dict[int, int] = defaultdict(int)
            for row in self._db.orders(product):
                bought[row["user_id"]] += _live(row) * row["product_count"]
            for user, units in bought.items():
                if units > 1:
                    yield f"I8 user {user} has {units} units of {product}, whose sale has a limit of 1"

    async def _outcomes(self) -> list[str]:
        """Asks GetOutcome about every order id that was handed out."""
        live = await asyncio.to_thread(
            lambda: {row["order_id"] for rows in self._rows().values() for row in rows if _live(row)}
        )
        gate = asyncio.Semaphore(ASKED_AT_ONCE)

        async def ask(request: Request) -> str:
            async with gate:
                answer = await self._outcome(request.order_id)
            status = answer.data.get("status", f"HTTP {answer.status}")
            if status not in FINAL:
                return f"I3 {_name(request)}: GetOutcome says {status}"
            if (status == "confirmed") != (request.order_id in live):
                return f"I3 {_name(request)}: GetOutcome says {status}, and it is {_not(request.order_id in live)}live"
            return ""

        told = await asyncio.gather(*(ask(request) for request in self._history.requests if request.order_id))
        return [problem for problem in told if problem]

    async def _outcome(self, order_id: str) -> Answer:
        """GetOutcome, asked again where it could not tell."""
        for _ in range(MOST_TRIES - 1):
            answer = await self._gw.outcome(order_id)
            if answer.status < SERVER_ERROR:
                return answer
            await asyncio.sleep(1)
        return await self._gw.outcome(order_id)


def promise(request: Request, rows: Sequence[Row]) -> Iterator[str]:
    """What one buyer was told, against the orders with their product and amount."""
    live = [row for row in rows if _live(row)]
    if len(rows) > 1:
        yield f"I3 {_name(request)}: {len(rows)} orders of one request"
    if request.told == "refused" and live:
        yield f"I3 {_name(request)}: refused, and there is an order {live[0]['order_id']}"
    if request.due == "bad" and live:
        yield f"I3 {_name(request)}: had to be refused, and there is an order"
    if request.told == "ok" and not live and _was_promised(request):
        yield f"I3 {_name(request)}: accepted, and there is no live order ({_states(rows)})"
    if request.told == "ok" and not rows:
        yield f"I3 {_name(request)}: accepted, and nothing is known of it"
    if request.order_id and live and live[0]["order_id"] != request.order_id:
        yield f"I3 {_name(request)}: the order is {live[0]['order_id']}"


def _was_promised(request: Request) -> bool:
    """Whether `ok` means a live order: an order in the queue may still be refused, a unit of the sale may not."""
    return request.kind != "buffered" or request.due == "good"


def _live(row: Mapping[str, object]) -> bool:
    return row["state"] == "confirmed" and row["status"] != CANCELLED


def _states(rows: Sequence[Row]) -> str:
    return ", ".join(f"{row['order_id']} {row['state']} {row['code']}" for row in rows) or "no row"


def _key(request: Request) -> tuple[int, int]:
    return request.product, request.amount


def _name(request: Request) -> str:
    return f"request {request.number} ({request.kind} {request.order_id or 'without an id'}, told {request.answer!r})"


def _not(holds: bool) -> str:
    return "" if holds else "not "
