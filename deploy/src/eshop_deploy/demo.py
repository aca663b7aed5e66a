"""`eshop demo`: something to buy, someone to buy it, and one order of each kind, followed to its outcome."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from rich.markup import escape
from rich.table import Table

from eshop_deploy.failures import BringUpError
from eshop_deploy.gateway import Gateway, Json
from eshop_deploy.layout import StackDir
from eshop_deploy.progress import console, step
from eshop_deploy.settings import SERVICES, Settings

TEA_POT = {"name": "Tea pot", "price": 100, "description": "Holds a litre."}
ADA = {
    "name": "Ada",
    "email": "ada@example.com",
    "password": "only for the demo",
    "phone": "+4915200000000",
    "age": 36,
    "gender": 2,
    "status": 1,
    "loginType": 1,
}
STOCK = 1000
FINAL = ("confirmed", "refused", "cancelled")
LONGEST_SECONDS = 90.0
_COLOURS = {"confirmed": "green", "refused": "yellow", "cancelled": "yellow"}


@dataclass(frozen=True)
class Outcome:
    """How one order ended, and after how many seconds."""

    kind: str
    order_id: str
    status: str
    reason: str
    seconds: float


def demo(settings: Settings, stack: StackDir) -> None:
    gateway = Gateway(settings.host, settings.ports["gw_http"])
    with step("Demo data: a product, its stock, a user, a coupon"):
        user, product = load(gateway)
    with step("One order of each kind"):
        outcomes = order_one_of_each(gateway, user, product)
    console.print()
    console.print(_table(outcomes))
    show_where_to_look(settings, stack)
    if open_ones := [outcome for outcome in outcomes if outcome.status not in FINAL]:
        told = f"{open_ones[0].kind} {open_ones[0].order_id} has no outcome: {open_ones[0].reason}"
        raise BringUpError(told, "See: eshop status, eshop logs order")


def load(gateway: Gateway) -> tuple[int, int]:
    """Makes what is not there yet; returns the ids of the user who buys and of the product."""
    product = _oldest_or_new(gateway, "product", TEA_POT)
    user = _oldest_or_new(gateway, "user", ADA)
    _oldest_or_new(gateway, "coupon", {"userID": user, "amount": 10, "status": 1})
    if not _has_stock(gateway, product):
        gateway.must("POST", "/api/v1/stock/setFlashSale", {"productID": product, "stock": STOCK})
    return user, product


def _oldest_or_new(gateway: Gateway, resource: str, body: Json) -> int:
    """The id of the oldest row; one is made only where there is none."""
    total, _ = gateway.page(resource, 0, 1)
    if total == 0:
        return int(gateway.must("POST", f"/api/v1/{resource}", body)["id"])
    return int(gateway.page(resource, total - 1, 1)[1][0]["id"])


def _has_stock(gateway: Gateway, product: int) -> bool:
    for page in range(1000):
        total, rows = gateway.page("stock", page, 1000)
        if any(int(row["productID"]) == product for row in rows):
            return True
        if (page + 1) * 1000 >= total:
            break
    return False


def order_one_of_each(gateway: Gateway, user: int, product: int) -> list[Outcome]:
    flash = {"userID": user, "productID": product, "amount": 100}
    order = {**flash, "productCount": 1, "couponID": 0}
    kinds = [
        ("direct order", "/api/v1/order/submit", order),
        ("buffered order", "/api/v1/order/sendSubmitNotify", order),
        ("flash sale", "/api/v1/flashSale", flash),
    ]
    with ThreadPoolExecutor(len(kinds)) as pool:
        placed = [pool.submit(_follow, gateway, *kind) for kind in kinds]
    return [order.result() for order in placed]


def _follow(gateway: Gateway, kind: str, path: str, body: Json) -> Outcome:
    """Places an order and asks about it until it is final. A refusal at the counter is an outcome as well."""
    began = time.monotonic()
    placed = gateway.call("POST", path, body)
    if not placed.ok:
        status = "refused" if placed.status == 409 else f"HTTP {placed.status}"
        return Outcome(kind, "", status, placed.msg, time.monotonic() - began)
    order_id = str(placed.data.get("orderID", ""))
    if not order_id:
        return Outcome(kind, "", "unknown", "the reply names no orderID", time.monotonic() - began)
    status, reason = _await_outcome(gateway, order_id, began + LONGEST_SECONDS)
    return Outcome(kind, order_id, status, reason, time.monotonic() - began)


def _await_outcome(gateway: Gateway, order_id: str, end: float) -> tuple[str, str]:
    """Asks until the order is final; then its status and, where there is one, the reason."""
    while True:
        answer = gateway.call("GET", f"/api/v1/order/outcome/{order_id}")
        status = str(answer.data.get("status", f"HTTP {answer.status}"))
        if status in FINAL or time.monotonic() > end:
            return status, str(answer.data.get("reason") or ("" if answer.ok else answer.msg))
        time.sleep(0.05)


def _table(outcomes: list[Outcome]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("order", "outcome", "time", "orderID", "reason"):
        table.add_column(heading, justify="right" if heading == "time" else "left")
    for outcome in outcomes:
        colour = _COLOURS.get(outcome.status, "red")
        status = f"[{colour}]{escape(outcome.status)}[/]"
        took = f"{outcome.seconds * 1000:.0f} ms"
        table.add_row(outcome.kind, status, took, outcome.order_id, escape(outcome.reason))
    return table


def show_where_to_look(settings: Settings, stack: StackDir) -> None:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold")
    table.add_column()
    for service in ("gw", *(name for name in SERVICES if name != "gw")):
        label = "gateway" if service == "gw" else service
        table.add_row(label, f"http://{settings.address(f'{service}_http')}/apis/swagger/index.html")
    table.add_row("DTM, orders", f"http://{settings.address('dtm_mysql_http')}")
    table.add_row("DTM, flash sales", f"http://{settings.address('dtm_redis_http')}")
    table.add_row("logs", str(stack.path / "logs"))
    table.add_row("next", "make status, make logs, make doctor, make demo, make down")
    console.print()
    console.print(table)
