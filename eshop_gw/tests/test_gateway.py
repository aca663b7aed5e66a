"""The gateway maps and forwards, and what one upstream does harms nobody else."""

import asyncio
from typing import Any

import grpc.aio
import pytest
from google.protobuf.json_format import MessageToDict

from eshop_protos.coupon.v1 import coupon_pb2
from eshop_protos.eshop_gw.v1 import eshop_gw_pb2
from eshop_protos.flash_sale.v1 import flash_sale_pb2
from eshop_protos.order.v1 import order_pb2
from eshop_protos.product.v1 import product_pb2
from eshop_protos.stock.v1 import stock_pb2
from eshop_protos.types import types_pb2
from eshop_protos.user.v1 import user_pb2
from protoc_gen_fastapi.runtime import (
    Call,
    DeadlineExceeded,
    InvalidArgument,
    NotFound,
    Refused,
    Unavailable,
)

from .upstreams import KINDS, OriginalOrders

USER: dict[str, Any] = {"name": "Ann", "email": "ann@example.com", "password": "secret horse", "phone": "+4912345678"}
ORDER = {"userID": 7, "productID": 1, "productCount": 2, "amount": 100, "couponID": 0}
BUY = {"userID": 7, "productID": 1, "amount": 100}
PAGE = types_pb2.Params(page=2, limit=5, before=9)
LISTS = ["user", "product", "order", "coupon", "stock"]

# (upstream, its rpc, the gateway's rpc, verb and path, what is sent, what the upstream has to see)
ROUTES: list[tuple[str, str, str, str, dict[str, Any], Any]] = [
    ("user", "create", "create_user", "POST /api/v1/user", USER, user_pb2.CreateUserRequest(**USER)),
    ("user", "list", "list_user", "GET /api/v1/user/list", {}, user_pb2.ListUserRequest(params=PAGE)),
    (
        "product",
        "create",
        "create_product",
        "POST /api/v1/product",
        {"name": "Teapot", "price": 5},
        product_pb2.CreateProductRequest(name="Teapot", price=5),
    ),
    ("product", "list", "list_product", "GET /api/v1/product/list", {}, product_pb2.ListProductRequest(params=PAGE)),
    ("order", "submit", "submit_order", "POST /api/v1/order/submit", ORDER, order_pb2.SubmitOrderRequest(**ORDER)),
    (
        "order",
        "notify",
        "send_submit_order_notify",
        "POST /api/v1/order/sendSubmitNotify",
        ORDER,
        order_pb2.SendSubmitOrderNotifyRequest(**ORDER),
    ),
    ("order", "list", "list_order", "GET /api/v1/order/list", {}, order_pb2.ListOrderRequest(params=PAGE)),
    (
        "order",
        "outcome",
        "get_outcome",
        "GET /api/v1/order/outcome/o1",
        {"orderID": "o1"},
        order_pb2.GetOutcomeRequest(orderID="o1"),
    ),
    (
        "coupon",
        "create",
        "create_coupon",
        "POST /api/v1/coupon",
        {"userID": 7, "amount": 50},
        coupon_pb2.CreateCouponRequest(userID=7, amount=50),
    ),
    ("coupon", "list", "list_coupon", "GET /api/v1/coupon/list", {}, coupon_pb2.ListCouponRequest(params=PAGE)),
    (
        "stock",
        "create",
        "create_stock",
        "POST /api/v1/stock",
        {"productID": 1, "stock": 9},
        stock_pb2.CreateStockRequest(productID=1, stock=9),
    ),
    ("stock", "list", "list_stock", "GET /api/v1/stock/list", {}, stock_pb2.ListStockRequest(params=PAGE)),
    (
        "stock",
        "set",
        "set_flash_sale_stock",
        "POST /api/v1/stock/setFlashSale",
        {"productID": 1, "stock": 10, "perUserLimit": 2},
        stock_pb2.SetFlashSaleStockRequest(productID=1, stock=10, perUserLimit=2),
    ),
    ("flash_sale", "buy", "flash_sale", "POST /api/v1/flashSale", BUY, flash_sale_pb2.FlashSaleRequest(**BUY)),
]
ROUTE = pytest.mark.parametrize(
    ("upstream", "rpc", "method", "route", "sent", "seen"), ROUTES, ids=[route[2] for route in ROUTES]
)


async def over_http(gw, route: str, sent: dict[str, Any], headers: dict[str, str] | None = None):
    verb, path = route.split()
    if verb == "POST":
        return await gw.http.post(path, json=sent, headers=headers)
    query = {} if "outcome" in path else {"page": 2, "limit": 5, "before": 9}
    return await gw.http.get(path, params=query, headers=headers)


async def over_grpc(gw, method: str, seen: Any):
    request = eshop_gw_pb2.PageParam(page=2, limit=5, before=9) if method.startswith("list_") else seen
    return await getattr(gw.grpc, method)(request, Call.local())


@ROUTE
async def test_http_requests_go_to_their_service_and_its_reply_comes_back(
    gw, upstreams, upstream, rpc, method, route, sent, seen
):
    answer = await over_http(gw, route, sent)
    assert (answer.status_code, answer.json()["code"]) == (200, 0)
    reply = MessageToDict(upstreams[upstream].answers[rpc])
    assert {k: str(v) for k, v in answer.json()["data"].items() if v} == {k: str(v) for k, v in reply.items()}
    assert (rpc, seen) in upstreams[upstream].asked
    assert not any(other.asked for name, other in upstreams.items() if name != upstream)


@ROUTE
async def test_grpc_requests_go_to_their_service_and_its_reply_comes_back(
    gw, upstreams, upstream, rpc, method, route, sent, seen
):
    assert await over_grpc(gw, method, seen) == upstreams[upstream].answers[rpc]
    assert (rpc, seen) in upstreams[upstream].asked


@ROUTE
async def test_a_service_that_is_down_is_told_as_such(
    open_gateway, upstreams, upstream, rpc, method, route, sent, seen
):
    gw = await open_gateway()
    await upstreams[upstream].server.stop(None)
    answer = await over_http(gw, route, sent)
    assert (answer.status_code, answer.json()["code"]) == (503, 10013)
    assert "127.0.0.1" not in answer.text
    with pytest.raises(Unavailable):
        await over_grpc(gw, method, seen)


@pytest.mark.parametrize("down", KINDS)
async def test_one_that_is_down_harms_no_other(open_gateway, upstreams, down):
    gw = await open_gateway()
    await upstreams[down].server.stop(None)
    for upstream, _, _, route, sent, _ in ROUTES:
        status = (await over_http(gw, route, sent)).status_code
        assert status == (503 if upstream == down else 200), route


async def test_one_that_was_never_there_does_not_keep_the_gateway_from_starting(open_gateway):
    gw = await open_gateway(coupon_address="127.0.0.1:1")
    assert (await over_http(gw, "GET /api/v1/coupon/list", {})).status_code == 503
    assert (await over_http(gw, "GET /api/v1/user/list", {})).status_code == 200


async def test_one_that_comes_back_is_found_again(open_gateway, upstreams, start):
    users = upstreams["user"]
    gw = await open_gateway(user_address=users.address)
    await users.server.stop(None)
    assert (await over_http(gw, "GET /api/v1/user/list", {})).status_code == 503
    again = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    again.add_generic_rpc_handlers((users.handlers(),))
    again.add_insecure_port(users.address)
    await again.start()
    async with asyncio.timeout(60):
        while (await over_http(gw, "GET /api/v1/user/list", {})).status_code != 200:  # noqa: ASYNC110 - asks as clients do
            await asyncio.sleep(0.05)
    await again.stop(None)


class TestRetries:
    """A read may be sent again where the server did not answer; anything else might happen twice."""

    @pytest.mark.parametrize("upstream", LISTS)
    async def test_a_list_is_asked_for_again(self, gw, upstreams, upstream):
        behind = upstreams[upstream]
        behind.answers["list"] = [Unavailable(), Unavailable(), behind.replies["list"]]
        assert (await over_http(gw, f"GET /api/v1/{upstream}/list", {})).status_code == 200
        assert behind.rpcs == ["list"] * 3

    async def test_an_outcome_is_asked_for_again(self, gw, upstreams):
        orders = upstreams["order"]
        orders.answers["outcome"] = [Unavailable(), orders.replies["outcome"]]
        assert (await over_http(gw, "GET /api/v1/order/outcome/o1", {})).status_code == 200
        assert orders.rpcs == ["outcome"] * 2

    @pytest.mark.parametrize(
        ("upstream", "rpc", "method", "route", "sent", "seen"),
        [r for r in ROUTES if r[3].startswith("POST")],
        ids=[r[2] for r in ROUTES if r[3].startswith("POST")],
    )
    async def test_a_write_is_sent_once(self, gw, upstreams, upstream, rpc, method, route, sent, seen):
        behind = upstreams[upstream]
        behind.answers[rpc] = [Unavailable(), behind.replies[rpc]]
        assert (await over_http(gw, route, sent)).status_code == 503
        assert behind.rpcs.count(rpc) == 1

    async def test_a_read_that_is_refused_is_not_asked_for_again(self, gw, upstreams):
        upstreams["order"].answers["outcome"] = NotFound("order o1 does not exist")
        assert (await over_http(gw, "GET /api/v1/order/outcome/o1", {})).status_code == 404
        assert upstreams["order"].rpcs == ["outcome"]


class TestErrors:
    """What an upstream says reaches the client as it was said."""

    @pytest.mark.parametrize(
        ("route", "sent", "upstream", "rpc", "method"),
        [
            ("POST /api/v1/order/submit", ORDER, "order", "submit", "submit_order"),
            ("POST /api/v1/flashSale", BUY, "flash_sale", "buy", "flash_sale"),
            ("POST /api/v1/stock/setFlashSale", {"productID": 1, "stock": 1}, "stock", "set", "set_flash_sale_stock"),
        ],
    )
    async def test_a_refusal_keeps_its_reason_its_code_and_its_data(
        self, gw, upstreams, route, sent, upstream, rpc, method
    ):
        facts = {"orderID": "o1", "status": "refused"}
        upstreams[upstream].answers[rpc] = Refused("销售完毕", code=30023, short="SOLD_OUT", data=facts)
        answer = await over_http(gw, route, sent)
        assert answer.status_code == 409
        assert answer.json() == {"code": 30023, "msg": "销售完毕", "data": facts}
        seen = next(r[5] for r in ROUTES if r[2] == method)
        with pytest.raises(Refused) as caught:
            await over_grpc(gw, method, seen)
        error = caught.value
        assert (error.message, error.code, error.short, error.data) == ("销售完毕", 30023, "SOLD_OUT", facts)

    async def test_bad_input_is_refused_at_the_door(self, gw, upstreams):
        answer = await over_http(gw, "POST /api/v1/order/submit", {**ORDER, "productCount": 0})
        assert (answer.status_code, answer.json()["code"]) == (400, 10001)
        assert "productCount" in answer.json()["msg"]
        with pytest.raises(InvalidArgument, match="limit"):
            await gw.grpc.list_user(eshop_gw_pb2.PageParam(page=0, limit=0), Call.local())
        assert not any(upstream.asked for upstream in upstreams.values())

    async def test_bad_input_that_only_the_service_knows_names_its_field(self, gw, upstreams):
        upstreams["user"].answers["create"] = InvalidArgument("email", "is not an address")
        answer = await over_http(gw, "POST /api/v1/user", USER)
        assert (answer.status_code, answer.json()["msg"]) == (400, "email: is not an address")

    async def test_a_slow_service_is_not_waited_for_longer_than_the_setting_says(self, open_gateway, upstreams):
        gw = await open_gateway(gw_upstream_timeout=0.1)

        async def too_late(_request: Any) -> Any:
            await asyncio.sleep(1)

        upstreams["user"].answers["create"] = too_late
        answer = await over_http(gw, "POST /api/v1/user", USER)
        assert (answer.status_code, answer.json()["code"]) == (504, 10010)
        with pytest.raises(DeadlineExceeded):
            await over_grpc(gw, "create_user", user_pb2.CreateUserRequest(**USER))


class TestBatches:
    """Requests that come together share one call, and each gets its own answer."""

    async def test_orders_that_come_together_go_together(self, gw, upstreams):
        orders = upstreams["order"]

        async def own_answer(request: order_pb2.SubmitOrderRequest) -> order_pb2.SubmitOrderReply:
            if request.userID % 5 == 0:
                raise Refused(f"no, {request.userID}")
            return order_pb2.SubmitOrderReply(orderID=f"o{request.userID}", status="confirmed")

        orders.answers["submit"] = own_answer
        answers = await asyncio.gather(
            *(over_http(gw, "POST /api/v1/order/submit", {**ORDER, "userID": n}) for n in range(1, 41))
        )
        for n, answer in enumerate(answers, 1):
            told = answer.json()
            assert (told["msg"] if n % 5 == 0 else told["data"]["orderID"]) == (f"no, {n}" if n % 5 == 0 else f"o{n}")
        assert orders.rpcs.count("submit_many") < 10

    async def test_an_upstream_that_knows_no_batches_is_asked_one_by_one(self, open_gateway, start):
        original = await start(OriginalOrders())  # pyright: ignore[reportAbstractUsage] - only what the gateway calls
        gw = await open_gateway(order_address=original.address)
        for _ in range(2):
            answers = await asyncio.gather(*(over_http(gw, "POST /api/v1/order/submit", ORDER) for _ in range(5)))
            assert {answer.json()["data"]["orderID"] for answer in answers} == {"o1"}
        assert original.rpcs.count("submit") == 10
        assert original.rpcs.count("submit_many") <= 4

    async def test_one_that_goes_away_leaves_the_others_of_its_batch_alone(self, gw, upstreams):
        async def slowly(request: flash_sale_pb2.FlashSaleRequest) -> flash_sale_pb2.FlashSaleReply:
            await asyncio.sleep(0.05)
            return flash_sale_pb2.FlashSaleReply(orderID=f"f{request.userID}", status="accepted")

        upstreams["flash_sale"].answers["buy"] = slowly
        buying = [
            asyncio.create_task(over_http(gw, "POST /api/v1/flashSale", {**BUY, "userID": n})) for n in range(1, 6)
        ]
        await asyncio.sleep(0.02)
        buying[2].cancel()
        answers = await asyncio.gather(*buying, return_exceptions=True)
        told = [a.json()["data"]["orderID"] for a in answers if not isinstance(a, BaseException)]
        assert told == ["f1", "f2", "f4", "f5"]


class TestWhatTravels:
    async def test_the_request_id_reaches_the_service(self, gw, upstreams):
        answer = await over_http(gw, "GET /api/v1/user/list", {}, {"x-request-id": "r-42"})
        assert answer.status_code == 200
        assert upstreams["user"].metadata[0]["x-request-id"] == "r-42"

    async def test_each_of_a_batch_keeps_its_request_id(self, gw, upstreams):
        await asyncio.gather(
            *(over_http(gw, "POST /api/v1/order/submit", ORDER, {"x-request-id": f"r-{n}"}) for n in range(5))
        )
        assert {m["x-request-id"] for m in upstreams["order"].metadata} == {f"r-{n}" for n in range(5)}

    async def test_nobody_outside_can_pass_for_dtm(self, gw, upstreams):
        dtm = {"dtm-gid": "g1", "dtm-trans_type": "saga", "dtm-branch_id": "01", "dtm-op": "action"}
        await over_http(gw, "POST /api/v1/user", USER, dtm)
        assert not [key for key in upstreams["user"].metadata[0] if key.startswith("dtm-")]


class TestSeveralAddresses:
    async def test_they_are_used_in_turn(self, open_gateway, start):
        users = [await start(KINDS["user"]()) for _ in range(3)]
        gw = await open_gateway(user_address=",".join(u.address for u in users))
        async with asyncio.timeout(60):
            while not all(u.asked for u in users):
                assert (await over_http(gw, "GET /api/v1/user/list", {})).status_code == 200
        before = [len(u.asked) for u in users]
        for _ in range(30):
            await over_http(gw, "GET /api/v1/user/list", {})
        assert [len(u.asked) - b for u, b in zip(users, before, strict=True)] == [10, 10, 10]

    async def test_one_of_them_that_dies_is_not_noticed_by_readers(self, open_gateway, start):
        users = [await start(KINDS["user"]()) for _ in range(2)]
        gw = await open_gateway(user_address=",".join(u.address for u in users))
        assert (await over_http(gw, "GET /api/v1/user/list", {})).status_code == 200
        await users[0].server.stop(None)
        answers = [(await over_http(gw, "GET /api/v1/user/list", {})).status_code for _ in range(20)]
        assert set(answers) == {200}
