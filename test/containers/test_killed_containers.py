"""The suite in containers keeps its books when containers die under load, and when it goes down and comes up again."""

import asyncio
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress

import fresh
import httpx
import pytest
from books import Books
from compose_project import BACK_WITHIN, ComposeProject
from databases import Databases
from gateway_client import Gateway
from patience import eventually
from running_stack import RunningStack
from shoppers import shoppers_in

PARTS = (
    *("mysql", "redis", "kafka", "dtm-mysql", "dtm-redis"),
    *("user", "product", "order", "stock", "coupon", "pay", "flash-sale", "gw"),
)
REST_WITHIN = 180.0


@contextmanager
def books_of(stack: RunningStack) -> Generator[Books]:
    """The books, through connections made now: those of before were cut."""
    db = Databases(stack)
    try:
        yield Books(db)
    finally:
        db.close()


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
