"""Every field of every create and update has an owner: the client, the server, or the saga whose branch the call is.

A new field fails here until somebody has decided who sets it. What the services do about the fields that are not the
client's is tested with each service.
"""

import importlib
from collections.abc import Iterator

import pytest

SERVICES = ("user", "product", "stock", "coupon", "pay", "order")
CLIENT, SERVER, ROUTE, SAGA = "client", "server", "route", "saga"
_USER = {
    **dict.fromkeys(("name", "password", "email", "phone", "avatar", "age", "gender"), CLIENT),
    **dict.fromkeys(("status", "loginAt", "loginType"), SERVER),
}
_PRODUCT = dict.fromkeys(("name", "price", "photo", "description"), CLIENT)
_ORDERED = ("orderID", "userID", "productID", "productCount", "amount", "couponID")
_PAID = ("userID", "orderID", "amount")
OWNERS = {
    "CreateUserRequest": _USER,
    "UpdateUserByIDRequest": {"id": ROUTE, **_USER},
    "CreateProductRequest": _PRODUCT,
    "UpdateProductByIDRequest": {"id": ROUTE, **_PRODUCT},
    "CreateStockRequest": {"productID": CLIENT, "stock": CLIENT},
    "UpdateStockByIDRequest": {"id": ROUTE, "productID": SERVER, "stock": CLIENT},
    "CreateCouponRequest": {"userID": CLIENT, "amount": CLIENT, "status": SERVER},
    # A client may let a coupon expire and take that back; only an order uses it.
    "UpdateCouponByIDRequest": {"id": ROUTE, "userID": CLIENT, "amount": CLIENT, "status": CLIENT},
    "CreatePayRequest": dict.fromkeys(_PAID, SAGA),
    # From awaiting payment to paid, and no other way.
    "UpdatePayByIDRequest": {"id": ROUTE, **dict.fromkeys(_PAID, SERVER), "status": CLIENT},
    "CreateOrderRequest": dict.fromkeys(_ORDERED, SAGA),
    # One step after the other, from awaiting payment to done.
    "UpdateOrderByIDRequest": {"id": ROUTE, **dict.fromkeys(_ORDERED, SERVER), "status": CLIENT},
}


def fields() -> Iterator[tuple[str, str]]:
    for service in SERVICES:
        pb = importlib.import_module(f"eshop_protos.{service}.v1.{service}_pb2")
        methods = pb.DESCRIPTOR.services_by_name[service].methods_by_name
        for rpc in ("Create", "UpdateByID"):
            request = methods[rpc].input_type
            yield from ((request.name, field.name) for field in request.fields)


def test_every_field_of_a_create_or_update_has_an_owner():
    assert {message: set(owners) for message, owners in OWNERS.items()} == {
        message: {field for name, field in fields() if name == message} for message, _ in fields()
    }


@pytest.mark.parametrize("message", ["User", "Product", "Stock", "Coupon", "Pay", "Order"])
def test_no_create_or_update_takes_the_times_of_a_row(message):
    taken = {field for name, field in fields() if message in name}
    assert not taken & {"createdAt", "updatedAt", "deletedAt"}
