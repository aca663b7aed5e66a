"""Requests with an idempotency key: repeated, they get the answer that they had, and nothing happens twice."""

import asyncio
import secrets

import grpc
import grpc.aio
import httpx
import pytest
from books import Books
from databases import Databases
from gateway_client import Answer, Gateway
from running_stack import RunningStack

from eshop_protos.order.v1 import order_pb2

WAYS = ["submit", "notify", "flash"]
SOLD_OUT = 30023


async def buy(gw: Gateway, way: str, user: int, product: int, key: str | None = None, amount: int = 100) -> Answer:
    return await getattr(gw, way)(user, product, amount=amount, key=key)


def same(answer: Answer, other: Answer) -> bool:
    return (answer.status, answer.code, answer.msg, answer.data) == (other.status, other.code, other.msg, other.data)


@pytest.fixture
def key() -> str:
    """A key of this test alone, with every kind of character that a key may have."""
    return f"{secrets.token_hex(8)} !\"#$%&'()*+,-./:;<=>?@[\\]^_`{{|}}~"


@pytest.mark.parametrize("way", WAYS)
async def test_a_repeated_request_gets_the_same_answer_and_makes_one_order(
    gw: Gateway, books: Books, product: int, user: int, key: str, way: str
) -> None:
    await gw.set_flash(product, 5)
    first = await buy(gw, way, user, product, key)
    again = await buy(gw, way, user, product, key)
    assert first.status == 200
    assert same(first, again)
    assert (await gw.settled(first.order_id))["status"] == "confirmed"
    assert same(first, await buy(gw, way, user, product, key))
    await books.balance(product, sold=1, accepted=[first.order_id])


@pytest.mark.parametrize("way", ["submit", "flash"])
async def test_who_got_the_last_unit_is_not_told_that_it_is_sold_out(
    gw: Gateway, books: Books, product: int, user: int, key: str, way: str
) -> None:
    await gw.set_flash(product, 1)
    first = await buy(gw, way, user, product, key)
    assert (await buy(gw, way, user, product)).code == SOLD_OUT
    assert same(first, await buy(gw, way, user, product, key))
    await books.balance(product, sold=1, accepted=[first.order_id])


@pytest.mark.parametrize("way", ["submit", "flash"])
async def test_who_was_refused_stays_refused(gw: Gateway, product: int, user: int, key: str, way: str) -> None:
    await gw.set_flash(product, 0)
    first = await buy(gw, way, user, product, key)
    assert (first.status, first.code) == (409, SOLD_OUT)
    await gw.set_flash(product, 5)
    assert same(first, await buy(gw, way, user, product, key))


@pytest.mark.parametrize("way", WAYS)
async def test_another_body_under_the_key_is_422(gw: Gateway, product: int, user: int, key: str, way: str) -> None:
    await gw.set_flash(product, 5)
    first = await buy(gw, way, user, product, key)
    other = await buy(gw, way, user, product, key, amount=101)
    assert (other.status, other.code) == (422, 10422)
    assert "Idempotency-Key" in other.msg
    assert same(first, await buy(gw, way, user, product, key))


@pytest.mark.parametrize("way", WAYS)
async def test_keys_are_each_users_own(gw: Gateway, product: int, user: int, key: str, way: str) -> None:
    await gw.set_flash(product, 5)
    mine, theirs = await buy(gw, way, user, product, key), await buy(gw, way, user + 1, product, key)
    assert mine.order_id != theirs.order_id


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("bad", ["", "x" * 256, "t\tab"])
async def test_a_key_of_the_wrong_form_is_400_and_named(
    gw: Gateway, product: int, user: int, way: str, bad: str
) -> None:
    answer = await buy(gw, way, user, product, bad)
    assert (answer.status, answer.code) == (400, 10001)
    assert "Idempotency-Key" in answer.msg


@pytest.mark.parametrize("way", WAYS)
async def test_of_many_at_once_one_is_done_and_the_others_share_it_or_wait(
    gw: Gateway, books: Books, product: int, user: int, key: str, way: str
) -> None:
    await gw.set_flash(product, 30)
    answers = await asyncio.gather(*(buy(gw, way, user, product, key) for _ in range(20)))
    accepted = {answer.order_id for answer in answers if answer.status == 200}
    waiting = [answer for answer in answers if answer.status != 200]
    assert {(answer.status, answer.code) for answer in waiting} <= {(409, 30027)}
    assert len(accepted) == 1
    await gw.settled(next(iter(accepted)))
    await books.balance(product, sold=1, accepted=list(accepted))


async def test_a_limit_counts_a_repeated_request_once(gw: Gateway, product: int, user: int, key: str) -> None:
    await gw.set_flash(product, 5, limit=2)
    for _ in range(3):
        assert (await gw.flash(user, product, key=key)).status == 200
    assert (await gw.flash(user, product, key=key + "2")).status == 200
    assert (await gw.flash(user, product, key=key + "3")).code == 30025


@pytest.mark.parametrize(
    ("service", "rpc"), [("gw", "api.eshop_gw.v1.eshop/SubmitOrder"), ("order", "api.order.v1.order/Submit")]
)
async def test_over_grpc_the_key_is_metadata(
    stack: RunningStack, gw: Gateway, product: int, user: int, key: str, service: str, rpc: str
) -> None:
    await gw.set_flash(product, 5)
    request = order_pb2.SubmitOrderRequest(userID=user, productID=product, productCount=1, amount=100)
    async with grpc.aio.insecure_channel(stack.grpc(service)) as channel:
        submit = channel.unary_unary(
            f"/{rpc}",
            request_serializer=order_pb2.SubmitOrderRequest.SerializeToString,
            response_deserializer=order_pb2.SubmitOrderReply.FromString,
        )
        first, again = [await submit(request, metadata=[("idempotency-key", key)], timeout=20) for _ in range(2)]
        assert (first.status, again) == ("confirmed", first)
        request.amount = 101
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await submit(request, metadata=[("idempotency-key", key)], timeout=20)
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert (await gw.submit(user, product, key=key)).data["orderID"] == first.orderID


async def test_the_header_is_documented_where_it_is_read(clients: dict[str, httpx.AsyncClient]) -> None:
    wanted = {
        "gw": {"/api/v1/order/submit", "/api/v1/order/sendSubmitNotify", "/api/v1/flashSale"},
        "order": {"/api/v1/order/submit", "/api/v1/order/sendSubmitNotify"},
        "flash_sale": {"/api/v1/flashSale"},
        "stock": set[str](),
    }
    for service, paths in wanted.items():
        document = (await clients[service].get("/openapi.json")).json()["paths"]
        told = {
            path
            for path, verbs in document.items()
            for operation in verbs.values()
            if any(p["name"] == "Idempotency-Key" and p["in"] == "header" for p in operation.get("parameters", []))
            and "422" in operation["responses"]
        }
        assert told == paths


async def test_one_row_is_kept_for_each_key(gw: Gateway, db: Databases, product: int, user: int, key: str) -> None:
    await gw.set_flash(product, 5)
    first = await gw.submit(user, product, key=key)
    await gw.submit(user, product, key=key)
    await gw.submit(user, product)
    rows = db.rows("SELECT order_id FROM eshop_order.idempotency_key WHERE user_id = %s", user)
    assert [row["order_id"] for row in rows] == [first.order_id]
