"""GetOutcome: the fate of every order id that was handed out, and of no other."""

import fresh
import pytest
from gateway_client import Gateway
from transports import Transport, failing


async def test_every_kind_of_order_can_be_asked_about(on: Transport, gw: Gateway, product: int, user: int) -> None:
    await gw.set_flash(product, 3)
    placed = [await gw.submit(user, product), await gw.notify(user, product), await gw.flash(user, product)]

    for answer in placed:
        await gw.settled(answer.order_id)
        for service in ("gw", "order"):
            outcome = await on(service, "GetOutcome", orderID=answer.order_id)
            assert (outcome["orderID"], outcome["status"], outcome["reason"]) == (answer.order_id, "confirmed", "")
            assert outcome["order"]["orderID"] == answer.order_id


@pytest.mark.parametrize("service", ["gw", "order"])
async def test_an_id_that_was_never_handed_out_is_not_found(
    on: Transport, gw: Gateway, product: int, user: int, service: str
) -> None:
    await gw.set_flash(product, 3)
    real = (await gw.notify(user, product)).order_id
    forged = real[:-1] + ("0" if real[-1] != "0" else "1")
    other_kind = ("f" if real[0] == "b" else "b") + real[1:]

    for order_id in ("1", "nothing", fresh.order_id(), real.upper(), real[:-1], forged, other_kind, "ö" * 26):
        with failing("NOT_FOUND"):
            await on(service, "GetOutcome", orderID=order_id)


@pytest.mark.parametrize("service", ["gw", "order"])
async def test_an_id_that_is_too_long_is_refused_by_name(on: Transport, service: str) -> None:
    with failing("INVALID_ARGUMENT", "orderID"):
        await on(service, "GetOutcome", orderID="x" * 65)
