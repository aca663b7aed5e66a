"""A refusal is the same over every door: code, status and text, first and repeated, in English and in Chinese."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import fresh
import grpc
import grpc.aio
import httpx
import pytest
from catalogue import RPCS
from gateway_client import Gateway
from google.protobuf.json_format import ParseDict
from running_stack import RunningStack
from transports import Branch, Transport, failing

SUBMIT = {"gw": "SubmitOrder", "order": "Submit"}
ROUTES = {"submit": "/api/v1/order/submit", "flash": "/api/v1/flashSale", "notify": "/api/v1/order/sendSubmitNotify"}
LANGUAGES = {"en": "en-GB, en;q=0.9, zh;q=0.1", "zh": "zh-CN, zh;q=0.9, en;q=0.8"}
Told = tuple[int, str]
"""The envelope's code and the text."""


@dataclass(frozen=True)
class Refused:
    """A request that is refused, and what its sender must be told."""

    fields: dict[str, int]
    code: int
    english: str
    chinese: str

    def told(self, language: str) -> Told:
        return self.code, {"en": self.english, "zh": self.chinese}[language]


@dataclass
class Doors:
    """Every way to send an order; each returns what the sender is told, and fails where nothing was refused."""

    stack: RunningStack
    clients: dict[str, httpx.AsyncClient]

    async def http(self, service: str, way: str, fields: dict[str, int], headers: dict[str, str]) -> Told:
        answer = await self.clients[service].post(ROUTES[way], json=fields, headers=headers)
        assert answer.status_code == 409, answer.text
        return answer.json()["code"], answer.json()["msg"]

    async def grpc(self, service: str, rpc: str, fields: dict[str, int], headers: dict[str, str]) -> Told:
        found = RPCS[f"{service}.{rpc}"]
        async with grpc.aio.insecure_channel(self.stack.grpc(service)) as channel:
            call = channel.unary_unary(
                found.path,
                request_serializer=found.request.SerializeToString,
                response_deserializer=found.reply.FromString,
            )
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await call(ParseDict(fields, found.request()), metadata=list(headers.items()), timeout=20)
        assert caught.value.code() is grpc.StatusCode.ABORTED
        code = dict(caught.value.trailing_metadata() or ())["x-error-code"]
        return int(code), caught.value.details() or ""

    async def outcome(self, gw: Gateway, service: str, order_id: str, headers: dict[str, str]) -> Told:
        await gw.settled(order_id)
        answer = await self.clients[service].get(f"/api/v1/order/outcome/{order_id}", headers=headers)
        data = answer.json()["data"]
        assert data["status"] == "refused"
        return data["code"], data["reason"]


@pytest.fixture
def doors(stack: RunningStack, clients: dict[str, httpx.AsyncClient]) -> Doors:
    return Doors(stack, clients)


def order(user: int, product: int, count: int = 1, coupon: int = 0) -> dict[str, int]:
    return {"userID": user, "productID": product, "productCount": count, "amount": 100, "couponID": coupon}


async def sold_out(gw: Gateway, product: int, user: int) -> Refused:
    await gw.set_flash(product, 0)
    return Refused(order(user, product), 30023, f"product {product} is sold out", "销售完毕")


async def sold_out_in_stock(gw: Gateway, product: int, user: int) -> Refused:
    await gw.set_stock(product, 0)
    return Refused(order(user, product), 30023, f"product {product} is sold out", "销售完毕")


async def too_few(gw: Gateway, product: int, user: int) -> Refused:
    await gw.set_stock(product, 2)
    english = f"3 units of product {product} were ordered, but only 2 can be had"
    return Refused(order(user, product, 3), 30023, english, f"商品 {product} 要买 3 件，但只剩 2 件")


async def too_few_on_sale(gw: Gateway, product: int, user: int) -> Refused:
    refused = await too_few(gw, product, user)
    await gw.set_flash(product, 2)
    return refused


async def bought_none_and_wants_three(gw: Gateway, product: int, user: int) -> Refused:
    await gw.set_flash(product, 9, limit=2)
    english = f"product {product}: at most 2 per buyer in this flash sale; you have bought 0 and asked for 3"
    chinese = f"商品 {product}：本次秒杀每人限购 2 件，您已购买 0 件，又要买 3 件"
    return Refused(order(user, product, 3), 30025, english, chinese)


async def has_bought_all_that_one_may(gw: Gateway, product: int, user: int) -> Refused:
    await gw.set_flash(product, 9, limit=1)
    assert (await gw.flash(user, product)).status == 200
    english = f"product {product}: at most 1 per buyer in this flash sale; you have bought 1 and asked for 1"
    chinese = f"商品 {product}：本次秒杀每人限购 1 件，您已购买 1 件，又要买 1 件"
    return Refused(order(user, product), 30025, english, chinese)


async def unknown_product(_gw: Gateway, product: int, user: int) -> Refused:
    return Refused(order(user, product), 30026, f"product {product} is not for sale", f"商品 {product} 不在售")


async def coupon_of_another_user(gw: Gateway, product: int, user: int) -> Refused:
    await gw.set_stock(product, 9)
    coupon = await gw.new_coupon(fresh.user_id())
    english = f"coupon {coupon} belongs to another user"
    return Refused(order(user, product, 1, coupon), 30029, english, f"优惠券 {coupon} 属于其他用户")


async def unknown_coupon(gw: Gateway, product: int, user: int) -> Refused:
    await gw.set_stock(product, 9)
    coupon = 10**15 + 7
    return Refused(order(user, product, 1, coupon), 30028, f"coupon {coupon} does not exist", f"优惠券 {coupon} 不存在")


async def not_on_sale(_gw: Gateway, product: int, user: int) -> Refused:
    return Refused(
        order(user, product), 30024, f"product {product} is not on flash sale", f"商品 {product} 没有参加秒杀"
    )


Kind = Callable[[Gateway, int, int], Awaitable[Refused]]
ORDERS: list[Kind] = [
    sold_out,
    sold_out_in_stock,
    too_few,
    too_few_on_sale,
    bought_none_and_wants_three,
    has_bought_all_that_one_may,
    unknown_product,
    coupon_of_another_user,
    unknown_coupon,
]
BUYERS: list[Kind] = [sold_out, has_bought_all_that_one_may, not_on_sale]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", ORDERS, ids=lambda kind: kind.__name__)
async def test_an_order_that_is_refused_is_refused_alike_over_every_door(
    gw: Gateway, doors: Doors, product: int, user: int, kind: Kind, language: str
) -> None:
    refused = await kind(gw, product, user)
    asks = {"accept-language": LANGUAGES[language]}
    keyed = {**asks, "idempotency-key": secrets.token_hex(8)}
    accepted = (await gw.ask("POST", ROUTES["notify"], json=refused.fields, headers=asks)).order_id

    told = [
        *[await doors.http(service, "submit", refused.fields, asks) for service in SUBMIT],
        *[await doors.grpc(service, rpc, refused.fields, asks) for service, rpc in SUBMIT.items()],
        *[await doors.http("gw", "submit", refused.fields, keyed) for _ in range(2)],
        await doors.grpc("order", "Submit", refused.fields, keyed),
        *[await doors.outcome(gw, service, accepted, asks) for service in ("gw", "order")],
    ]

    assert told == [refused.told(language)] * len(told)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", BUYERS, ids=lambda kind: kind.__name__)
async def test_a_buyer_who_is_refused_is_refused_alike_over_every_door(
    gw: Gateway, doors: Doors, product: int, user: int, kind: Kind, language: str
) -> None:
    refused = await kind(gw, product, user)
    fields = {name: refused.fields[name] for name in ("userID", "productID", "amount")}
    asks = {"accept-language": LANGUAGES[language]}
    keyed = {**asks, "idempotency-key": secrets.token_hex(8)}

    told = [
        *[await doors.http(service, "flash", fields, asks) for service in ("gw", "flash_sale")],
        *[await doors.grpc(service, "FlashSale", fields, asks) for service in ("gw", "flash_sale")],
        *[await doors.http("gw", "flash", fields, keyed) for _ in range(2)],
        await doors.grpc("flash_sale", "FlashSale", fields, keyed),
    ]

    assert told == [refused.told(language)] * len(told)


async def test_callers_of_one_batch_are_each_told_in_their_language(gw: Gateway, doors: Doors, product: int) -> None:
    refused = await sold_out(gw, product, 0)

    async def buy(language: str) -> Told:
        fields = {"userID": fresh.user_id(), "productID": product, "amount": 100}
        return await doors.http("gw", "flash", fields, {"accept-language": LANGUAGES[language]})

    languages = ["en", "zh"] * 20
    assert await asyncio.gather(*map(buy, languages)) == [refused.told(language) for language in languages]


async def test_a_repeated_branch_is_refused_as_the_first_was(
    gw: Gateway, over_http: Transport, product: int, user: int
) -> None:
    await gw.set_flash(product, 9, limit=1)
    item = {"orderID": fresh.order_id(), "userID": user, "productID": product, "productCount": 2}
    branch, errors = Branch(fresh.gid()), list[Any]()
    for _ in range(3):
        with failing("ABORTED") as caught:
            await over_http("stock", "DeductMany", branch, items=[item])
        errors.append((caught.value.code, caught.value.message))

    english = f"product {product}: at most 1 per buyer in this flash sale; you have bought 0 and asked for 2"
    assert errors == [(30025, english)] * 3


async def test_other_errors_and_the_list_of_codes_are_told_in_chinese_too(
    clients: dict[str, httpx.AsyncClient], product: int
) -> None:
    asks = {"accept-language": "zh"}
    missing = await clients["gw"].get(f"/api/v1/order/outcome/o{product}", headers=asks)
    broken = await clients["gw"].post(ROUTES["flash"], json={"userID": 0, "productID": 1, "amount": 1}, headers=asks)
    nowhere = await clients["stock"].get("/nowhere", headers=asks)
    codes = (await clients["stock"].get("/codes", headers=asks)).json()

    assert (missing.status_code, missing.json()["msg"]) == (404, f"订单 o{product} 不存在")
    assert (broken.status_code, broken.json()["msg"]) == (400, "userID：必须大于 0")
    assert (nowhere.status_code, nowhere.json()["msg"]) == (404, "未找到")
    assert {"code": 30023, "msg": "销售完毕"} in codes
    assert {entry["code"] for entry in codes} >= {0, 10001, 10409, *range(30023, 30032)}
