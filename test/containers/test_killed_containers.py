"""The suite in containers keeps its books when containers die under load, and when it goes down and comes up again."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field

import fresh
import httpx
import pytest
from books import Books
from compose_project import BACK_WITHIN, ComposeProject
from databases import Databases
from gateway_client import Answer, Gateway
from patience import eventually
from running_stack import RunningStack

PARTS = (
    *("mysql", "redis", "kafka", "dtm-mysql", "dtm-redis"),
    *("user", "product", "order", "stock", "coupon", "pay", "flash-sale", "gw"),
)
REST_WITHIN = 180.0
BETWEEN_ORDERS = 0.05
SOME = 10


@contextmanager
def books_of(stack: RunningStack) -> Iterator[Books]:
    """The books, through connections made now: those of before were cut."""
    db = Databases(stack)
    try:
        yield Books(db)
    finally:
        db.close()


@dataclass
class Shoppers:
    """Orders of the three kinds, one after the other each, for as long as they are let; they remember what they got."""

    gw: Gateway
    product: int
    accepted: list[str] = field(default_factory=list)

    async def shop(self) -> None:
        await asyncio.gather(*(self._order_on(kind) for kind in (self.gw.submit, self.gw.notify, self.gw.flash)))

    async def _order_on(self, kind) -> None:
        while True:
            with suppress(httpx.HTTPError, json.JSONDecodeError):  # no answer: it counts neither way
                answer: Answer = await kind(fresh.user_id(), self.product)
                if answer.status == 200:
                    self.accepted.append(answer.order_id)
            await asyncio.sleep(BETWEEN_ORDERS)

    async def get_some_more(self) -> None:
        """Waits until the shop has taken more orders."""
        enough = len(self.accepted) + SOME
        await eventually(lambda: len(self.accepted) >= enough, within=BACK_WITHIN)


@asynccontextmanager
async def shoppers_in(gw: Gateway, product: int) -> AsyncIterator[Shoppers]:
    await gw.set_flash(product, 1_000_000)
    shoppers = Shoppers(gw, product)
    task = asyncio.create_task(shoppers.shop())
    try:
        yield shoppers
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.mark.timeout(900)
async def test_the_books_balance_after_every_container_was_killed_under_load(
    project: ComposeProject, stack: RunningStack, gw: Gateway, product: int
) -> None:
    victims = [(part, container) for part in PARTS for container in project.containers(part)]
    async with shoppers_in(gw, product) as shoppers:
        for part, container in victims:
            await shoppers.get_some_more()
            began = time.monotonic()
            await project.killed_and_back(container)
            print(f"{part:10} killed, healthy again after {time.monotonic() - began:4.1f} s")

    with books_of(stack) as books:
        await books.balance(product, accepted=shoppers.accepted, within=REST_WITHIN)
    print(f"{len(shoppers.accepted)} accepted orders, {len(victims)} containers killed, the books balance")


@pytest.mark.timeout(600)
async def test_no_order_is_lost_when_the_suite_is_taken_down_in_mid_load_and_started_again(
    project: ComposeProject, stack: RunningStack, gw: Gateway, product: int
) -> None:
    async with shoppers_in(gw, product) as shoppers:
        await shoppers.get_some_more()
        await asyncio.to_thread(project.down)

    await asyncio.to_thread(project.up)

    await eventually(lambda: _serves(gw), within=BACK_WITHIN)
    with books_of(stack) as books:
        await books.balance(product, accepted=shoppers.accepted, within=REST_WITHIN)
    print(f"down after {len(shoppers.accepted)} accepted orders, up again, the books balance")


async def _serves(gw: Gateway) -> bool:
    """Orders of each kind can be placed again."""
    product, user = fresh.product_id(), fresh.user_id()
    with suppress(httpx.HTTPError, AssertionError):
        await gw.set_flash(product, 3)
        answers = [await kind(user, product) for kind in (gw.submit, gw.notify, gw.flash)]
        return all(answer.status == 200 for answer in answers)
    return False
