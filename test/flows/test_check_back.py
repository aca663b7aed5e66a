"""A flash sale whose seller dies half-way: DTM checks back and settles it, within ten seconds."""

import asyncio
import time
from collections.abc import AsyncIterator

import fresh
import pytest
import pytest_asyncio
import redis.asyncio
from books import Books
from databases import Databases
from gateway_client import Gateway
from patience import eventually
from queue_messages import OrderQueue
from running_stack import RunningStack

import aiodtm
from eshop_chassis.dtm import branch_url
from eshop_flash_sale.sale import Sales, Take
from eshop_protos.flash_sale.v1 import flash_sale_pb2 as pb
from eshop_protos.flash_sale.v1.flash_sale_api import FlashSaleApi

SETTLED_WITHIN = 10.0


class DyingSeller:
    """Sells a unit as the flash-sale service does, and stops where it is told to."""

    def __init__(self, stack: RunningStack, dtm: aiodtm.Dtm, sales: Sales) -> None:
        self._dtm = dtm
        self._sales = sales
        self._address = stack.grpc("flash_sale")
        self._queue = OrderQueue(stack)

    async def prepare(self, user: int, product: int) -> tuple[aiodtm.Message, str]:
        """The message is known to DTM, and nothing is taken yet."""
        order_id = self._queue.new_id("f")
        message = self._dtm.message(
            aiodtm.random_gid(str(product)), check_back=branch_url(self._address, FlashSaleApi.redis_query_prepared)
        )
        order = pb.SendSubmitOrderNotifyRequest(
            userID=user, productID=product, productCount=1, amount=100, orderID=order_id
        )
        message.step(branch_url(self._address, FlashSaleApi.send_submit_order_notify), order)
        await message.prepare()
        return message, order_id

    async def take(self, message: aiodtm.Message, user: int, product: int, order_id: str) -> None:
        """The unit leaves Redis, under the barrier."""
        await self._sales.take(message.barrier, product, [Take(order_id, user, 1)], each=True)

    async def status(self, message: aiodtm.Message) -> str:
        found = await self._dtm.query(message.gid)
        return found.status if found else ""


@pytest_asyncio.fixture(loop_scope="session")
async def seller(stack: RunningStack) -> AsyncIterator[DyingSeller]:
    addresses = {"grpc": stack.address("DTM_REDIS_GRPC"), "http": stack.address("DTM_REDIS_HTTP")}
    async with aiodtm.open_dtm(**addresses) as dtm, redis.asyncio.Redis(**stack.redis()) as client:
        yield DyingSeller(stack, dtm, Sales(client))


async def test_a_seller_that_dies_on_the_way_leaves_nothing_open(
    seller: DyingSeller, gw: Gateway, books: Books, db: Databases, user: int
) -> None:
    before_taking, after_taking, refused = fresh.product_id(), fresh.product_id(), fresh.product_id()
    for product, units in ((before_taking, 5), (after_taking, 5), (refused, 0)):
        await gw.set_flash(product, units)
    begin = time.monotonic()

    first, _ = await seller.prepare(user, before_taking)
    second, sold = await seller.prepare(user, after_taking)
    await seller.take(second, user, after_taking, sold)
    third, unsold = await seller.prepare(user, refused)
    await seller.take(third, user, refused, unsold)
    # Here the seller dies: nothing is submitted and nothing is aborted.

    async def settled() -> bool:
        statuses = [await seller.status(message) for message in (first, second, third)]
        return statuses == ["failed", "succeed", "failed"]

    await eventually(settled, within=SETTLED_WITHIN)
    assert (await gw.settled(sold))["status"] == "confirmed"
    assert time.monotonic() - begin < SETTLED_WITHIN + 2
    assert (db.flash_left(before_taking), db.flash_left(after_taking)) == (5, 4)
    await books.balance(before_taking, sold=0)
    await books.balance(after_taking, sold=1, accepted=[sold])
    await books.balance(refused, sold=0)


async def test_a_seller_that_only_hung_takes_nothing_after_it_was_given_up(
    seller: DyingSeller, gw: Gateway, db: Databases, product: int, user: int
) -> None:
    await gw.set_flash(product, 5)
    message, order_id = await seller.prepare(user, product)
    await eventually(lambda: _is_failed(seller, message), within=SETTLED_WITHIN)

    with pytest.raises(aiodtm.BranchRefused):
        await seller.take(message, user, product, order_id)

    assert db.flash_left(product) == 5


async def _is_failed(seller: DyingSeller, message: aiodtm.Message) -> bool:
    return await seller.status(message) == "failed"


async def test_a_delivery_that_comes_three_times_is_one_order(
    seller: DyingSeller, gw: Gateway, books: Books, product: int, user: int
) -> None:
    await gw.set_flash(product, 5)
    message, order_id = await seller.prepare(user, product)
    await seller.take(message, user, product, order_id)

    outcomes = await asyncio.gather(*(message.submit() for _ in range(3)))

    assert "succeed" in {outcome.status for outcome in outcomes}
    assert (await gw.settled(order_id))["status"] == "confirmed"
    await books.balance(product, sold=1, accepted=[order_id])
