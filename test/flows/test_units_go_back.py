"""A unit of a flash sale whose order is refused goes back for sale once, and no longer counts in its buyer's limit."""

from dataclasses import dataclass

import fresh
import pytest
import pytest_asyncio
from books import Books
from databases import Databases
from gateway_client import Gateway
from patience import eventually
from queue_messages import OrderQueue, order_message
from running_stack import RunningStack
from transports import Transport

NO_SUCH_COUPON = 2**40


@dataclass(frozen=True)
class Taken:
    """The only unit of a sale with a limit of one, taken by a buyer whose order is not in the queue yet."""

    order_id: str
    message: bytes


@pytest.fixture(scope="module")
def queue(stack: RunningStack) -> OrderQueue:
    return OrderQueue(stack)


@pytest_asyncio.fixture(loop_scope="session")
async def taken(gw: Gateway, queue: OrderQueue, over_grpc: Transport, product: int, user: int) -> Taken:
    await gw.set_flash(product, 1, limit=1)
    order_id = queue.new_id("f")
    item = {"orderID": order_id, "userID": user, "productID": product, "productCount": 1}
    await over_grpc("flash_sale", "TakeMany", items=[item], gid=fresh.gid(), branchID="02")
    assert (await gw.flash(user, product)).status == 409
    return Taken(order_id, order_message(user, product, order_id, couponID=NO_SUCH_COUPON + fresh.user_id()))


async def test_a_refused_buyer_may_buy_again(
    gw: Gateway, queue: OrderQueue, books: Books, db: Databases, taken: Taken, product: int, user: int
) -> None:
    await queue.write(taken.message)
    assert (await gw.settled(taken.order_id))["status"] == "refused"
    await eventually(lambda: db.flash_left(product) == 1, within=30)

    again = await gw.flash(user, product)

    await books.balance(product, sold=1, accepted=[again.order_id])


async def test_a_unit_goes_back_once_though_its_order_is_refused_again(
    gw: Gateway, queue: OrderQueue, books: Books, db: Databases, taken: Taken, product: int
) -> None:
    await queue.write(taken.message, taken.message)
    await gw.settled(taken.order_id)
    await eventually(lambda: db.flash_left(product) == 1, within=30)
    buyer = await gw.flash(fresh.user_id(), product)

    await queue.write(taken.message)
    await eventually(lambda: _is_idle(queue), within=30)
    await eventually(lambda: not db.rows("SELECT * FROM eshop_order.unit_return WHERE order_id = %s", taken.order_id))

    assert (await gw.flash(fresh.user_id(), product)).status == 409
    await books.balance(product, sold=1, accepted=[buyer.order_id])


async def test_the_limit_counts_no_unit_that_an_ordinary_order_did_not_get(
    gw: Gateway, books: Books, product: int, user: int
) -> None:
    await gw.set_flash(product, 2, limit=1)
    refused = await gw.submit(user, product, coupon=NO_SUCH_COUPON + user)
    assert refused.status == 409

    answers = [await gw.flash(user, product) for _ in range(2)]

    assert [answer.status for answer in answers] == [200, 409]
    await books.balance(product, sold=1, accepted=[answers[0].order_id])


async def _is_idle(queue: OrderQueue) -> bool:
    return await queue.lag() == 0
