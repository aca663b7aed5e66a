"""DTM's names mean nothing at the gateway: nobody outside passes for a branch, or for an undo that can't be refused."""

import pytest
from gateway_client import Gateway
from transports import Branch, Transport, failing

UNDO = Branch("somebody-outside", op="compensate")


async def test_bad_input_is_refused_whatever_it_claims_to_be(on: Transport, user: int) -> None:
    with failing("INVALID_ARGUMENT", "productID"):
        await on("gw", "SubmitOrder", UNDO, userID=user, productID=0, productCount=1, amount=100)


@pytest.mark.parametrize("branch", [UNDO, Branch("somebody-outside")], ids=["undo", "action"])
async def test_an_order_is_an_order_whatever_it_claims_to_be(
    on: Transport, gw: Gateway, product: int, user: int, branch: Branch
) -> None:
    await gw.set_stock(product, 5)
    order = {"userID": user, "productID": product, "productCount": 1, "amount": 100}

    for _ in range(2):
        assert (await on("gw", "SubmitOrder", branch, **order))["status"] == "confirmed"


async def test_what_is_not_found_stays_not_found_whatever_it_claims_to_be(on: Transport) -> None:
    with failing("NOT_FOUND"):
        await on("gw", "GetOutcome", UNDO, orderID="never-handed-out")
