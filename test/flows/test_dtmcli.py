"""Sagas that the HTTP-only client dtmcli submits run these services' branches over HTTP: once done, once undone."""

import asyncio
from dataclasses import dataclass
from typing import Any

import dtmcli.saga
import dtmcli.utils
import fresh
import pytest
from books import Books
from catalogue import RPCS
from databases import Databases
from gateway_client import Gateway
from running_stack import RunningStack


@dataclass(frozen=True)
class DtmcliSaga:
    """Orders one unit with a coupon, branch by branch, as a foreign program would."""

    stack: RunningStack
    gid: str
    order: dict[str, Any]

    def run(self) -> None:
        """Submits and waits. Raises DTMFailureError when it was undone."""
        o = self.order
        saga = dtmcli.saga.Saga(f"http://{self.stack.address('DTM_MYSQL_HTTP')}/api/dtmsvr", self.gid)
        saga.trans_base.wait_result = True
        saga.trans_base.retry_interval = 10
        self._add(saga, "order.Create", "order.CreateRevert", o)
        units = {"productID": o["productID"], "productCount": o["productCount"]}
        self._add(saga, "stock.StockDeduct", "stock.StockDeductRevert", units)
        coupon = {"couponID": o["couponID"], "userID": o["userID"], "orderID": o["orderID"]}
        self._add(saga, "coupon.CouponUse", "coupon.CouponUseRevert", coupon)
        payment = {"userID": o["userID"], "orderID": o["orderID"], "amount": o["amount"]}
        self._add(saga, "pay.Create", "pay.CreateRevert", payment)
        saga.submit()

    def _add(self, saga: dtmcli.saga.Saga, action: str, undo: str, body: dict[str, Any]) -> None:
        saga.add(body, self._url(action), self._url(undo))

    def _url(self, rpc: str) -> str:
        return self.stack.url(RPCS[rpc].service) + RPCS[rpc].route


def _saga(stack: RunningStack, user: int, product: int, coupon: int) -> DtmcliSaga:
    order = {"orderID": fresh.order_id(), "userID": user, "productID": product, "couponID": coupon}
    return DtmcliSaga(stack, fresh.gid(), {**order, "productCount": 1, "amount": 100})


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "*")


async def test_a_saga_of_dtmcli_succeeds_once(
    stack: RunningStack, gw: Gateway, books: Books, db: Databases, product: int, user: int
) -> None:
    await gw.set_stock(product, 5)
    saga = _saga(stack, user, product, await gw.new_coupon(user))

    await asyncio.to_thread(saga.run)

    assert db.stock(product) == 4
    assert db.coupon(saga.order["couponID"])["status"] == 2
    assert len(db.live_payments(saga.order["orderID"])) == 1
    await books.balance(product, sold=1)
    outcome = (await gw.outcome(saga.order["orderID"])).data
    assert outcome["status"] in ("running", "confirmed")


async def test_a_saga_of_dtmcli_that_is_refused_is_undone_once(
    stack: RunningStack, gw: Gateway, books: Books, db: Databases, product: int, user: int
) -> None:
    await gw.set_stock(product, 5)
    saga = _saga(stack, user, product, await gw.new_coupon(fresh.user_id()))

    with pytest.raises(dtmcli.utils.DTMFailureError):
        await asyncio.to_thread(saga.run)

    assert db.stock(product) == 5
    assert db.coupon(saga.order["couponID"])["status"] == 1
    kinds = "SELECT kind FROM eshop_stock.stock_ledger WHERE product_id = %s AND gid = %s ORDER BY id"
    assert [row["kind"] for row in db.rows(kinds, product, saga.gid)] == ["order", "revert"]
    await books.balance(product, sold=0)
