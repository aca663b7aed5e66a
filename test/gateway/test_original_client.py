"""A client written for the original, which knows the old fields only, works unchanged."""

from collections.abc import AsyncIterator
from typing import Any

import fresh
import grpc.aio
import pytest
import pytest_asyncio
from books import Books
from databases import Databases
from google.protobuf.message import Message
from original_protos import original
from patience import eventually
from running_stack import RunningStack
from transports import Branch


class OriginalClient:
    """Calls by the method paths and messages of the original."""

    def __init__(self, stack: RunningStack) -> None:
        self._channels = {
            "eshop_gw": grpc.aio.insecure_channel(stack.grpc("gw")),
            **{name: grpc.aio.insecure_channel(stack.grpc(name)) for name in ("user", "order", "stock", "coupon")},
        }

    async def call(
        self, path: str, request: str, reply: str, metadata: list[tuple[str, str]] | None = None, /, **fields: Any
    ) -> Any:
        """`path` as /api.stock.v1.stock/List; the message names are full too."""
        channel = self._channels[path.split(".")[1]]
        method = channel.unary_unary(path, request_serializer=_bytes, response_deserializer=original(reply).FromString)
        return await method(original(request)(**fields), metadata=metadata, timeout=15)

    async def gateway(self, rpc: str, package: str, message: str, /, **fields: Any) -> Any:
        """A gateway call whose request and reply are `message` + Request and Reply of a package."""
        name = f"api.{package}.v1.{message}"
        return await self.call(f"/api.eshop_gw.v1.eshop/{rpc}", f"{name}Request", f"{name}Reply", **fields)

    async def close(self) -> None:
        for channel in self._channels.values():
            await channel.close()


def _bytes(message: Message) -> bytes:
    return message.SerializeToString()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def old(stack: RunningStack) -> AsyncIterator[OriginalClient]:
    client = OriginalClient(stack)
    yield client
    await client.close()


async def test_it_creates_what_there_is_to_buy_and_finds_it_in_the_lists(
    old: OriginalClient, product: int, user: int
) -> None:
    email = fresh.email()
    made = {
        "User": await old.gateway("CreateUser", "user", "CreateUser", name="Ada", email=email, password="x" * 10),
        "Product": await old.gateway("CreateProduct", "product", "CreateProduct", name="Tea pot", price=5),
        "Coupon": await old.gateway("CreateCoupon", "coupon", "CreateCoupon", userID=user, amount=5, status=1),
        "Stock": await old.gateway("CreateStock", "stock", "CreateStock", productID=product, stock=9),
    }

    for resource, reply in made.items():
        rows = resource.lower()
        path = f"/api.eshop_gw.v1.eshop/List{resource}"
        page = await old.call(path, "api.eshop_gw.v1.PageParam", f"api.{rows}.v1.List{resource}Reply", limit=50)
        assert reply.id in [row.id for row in getattr(page, f"{rows}s")]
        assert page.total >= 1


async def test_it_places_an_order(old: OriginalClient, books: Books, product: int, user: int) -> None:
    await old.gateway("SetFlashSaleStock", "stock", "SetFlashSaleStock", productID=product, stock=9)
    coupon = await old.gateway("CreateCoupon", "coupon", "CreateCoupon", userID=user, amount=5, status=1)
    order = {"userID": user, "productID": product, "productCount": 2, "amount": 100, "couponID": coupon.id}

    reply = await old.gateway("SubmitOrder", "order", "SubmitOrder", **order)

    assert reply.orderID
    await books.balance(product, sold=2, accepted=[reply.orderID])


async def test_it_places_buffered_and_flash_orders_whose_replies_are_empty_to_it(
    old: OriginalClient, books: Books, db: Databases, product: int, user: int
) -> None:
    await old.gateway("SetFlashSaleStock", "stock", "SetFlashSaleStock", productID=product, stock=9)
    order = {"userID": user, "productID": product, "productCount": 1, "amount": 100}

    await old.gateway("SendSubmitOrderNotify", "order", "SendSubmitOrderNotify", **order)
    await old.gateway("FlashSale", "flashSale", "FlashSale", userID=user, productID=product, amount=100)

    await eventually(lambda: db.stock(product) == 7, within=20)
    await books.balance(product, sold=2)


async def test_it_learns_of_a_refusal_as_an_error(old: OriginalClient, product: int, user: int) -> None:
    order = {"userID": user, "productID": product, "productCount": 1, "amount": 100}

    with pytest.raises(grpc.aio.AioRpcError) as error:
        await old.gateway("SubmitOrder", "order", "SubmitOrder", **order)

    assert error.value.code() is grpc.StatusCode.ABORTED


async def test_its_updates_write_the_fields_it_sent(old: OriginalClient) -> None:
    made = await old.gateway("CreateUser", "user", "CreateUser", name="Ada", email=fresh.email(), age=36, phone="1")

    update = "api.user.v1.UpdateUserByID"
    await old.call("/api.user.v1.user/UpdateByID", f"{update}Request", f"{update}Reply", id=made.id, phone="2")

    get = "api.user.v1.GetUserByID"
    user = (await old.call("/api.user.v1.user/GetByID", f"{get}Request", f"{get}Reply", id=made.id)).user
    assert (user.name, user.age, user.phone) == ("Ada", 36, "2")


async def test_its_filters_find_its_orders(old: OriginalClient, product: int, user: int) -> None:
    await old.gateway("SetFlashSaleStock", "stock", "SetFlashSaleStock", productID=product, stock=9)
    order = {"userID": user, "productID": product, "productCount": 1, "amount": 100}
    placed = await old.gateway("SubmitOrder", "order", "SubmitOrder", **order)

    column = original("api.types.Column")(name="product_id", exp="=", value=str(product))
    params = original("api.types.Params")(limit=10, sort="-id", columns=[column])
    names = "api.order.v1.ListOrder"
    page = await old.call("/api.order.v1.order/List", f"{names}Request", f"{names}Reply", params=params)

    assert [(row.orderID, row.status) for row in page.orders] == [(placed.orderID, 1)]


async def test_the_originals_order_service_could_use_these_branches(
    old: OriginalClient, db: Databases, product: int, user: int
) -> None:
    coupon = await old.gateway("CreateCoupon", "coupon", "CreateCoupon", userID=user, amount=5, status=1)
    await old.gateway("CreateStock", "stock", "CreateStock", productID=product, stock=9)

    for service, rpc, fields in (
        ("stock", "StockDeduct", {"productID": product, "productCount": 2}),
        ("coupon", "CouponUse", {"couponID": coupon.id}),
    ):
        message = f"api.{service}.v1.{rpc}"
        path = f"/api.{service}.v1.{service}/{rpc}"
        await old.call(path, f"{message}Request", f"{message}Reply", Branch(fresh.gid()).metadata, **fields)

    assert db.stock(product) == 7
    assert db.coupon(coupon.id)["status"] == 2
