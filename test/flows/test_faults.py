"""An order whose branches or whose submit go wrong at every point ends whole, or leaves nothing.

The saga of the order service is submitted here through a faulty line, by a placer that dies right after: what is left
behind is finished by the suite itself. All scenarios run side by side, because DTM and the sweeper take their time.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import fresh
import grpc
import pytest
import pytest_asyncio
from books import Books
from databases import Databases
from faulty_line import Fault, FaultyLine, Metadata
from gateway_client import Gateway
from running_stack import RunningStack

import aiodtm
from eshop_order.orders import NewOrder
from eshop_order.placing import Addresses, OrderSagas

BRANCHES = (
    "order.v1.order/CreateMany",
    "coupon.v1.coupon/UseMany",
    "stock.v1.stock/DeductMany",
    "pay.v1.pay/CreateMany",
)
LAST = BRANCHES[-1]
LOST, REFUSED = grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.ABORTED
REST_WITHIN = 45.0


@dataclass
class Scenario:
    """Faults of one order's branches, by the end of the rpc's path; each strikes once, REFUSED every time."""

    name: str
    faults: dict[str, Fault] = field(default_factory=dict)
    on_submit: Fault | None = None
    product: int = field(default_factory=fresh.product_id)
    user: int = field(default_factory=fresh.user_id)
    order_id: str = field(default_factory=fresh.order_id)
    gid: str = field(default_factory=fresh.gid)

    def strike(self, rpc: str) -> Fault | None:
        fault = self.faults.get(rpc)
        if fault and fault.code is not REFUSED:
            del self.faults[rpc]
        return fault


def _scenarios() -> list[Scenario]:
    found: list[Scenario] = []
    for branch in BRANCHES:
        name = branch.partition(".")[0]
        for after in (False, True):
            when = "after" if after else "before"
            found += [
                Scenario(f"{name} lost {when} its commit", {branch: Fault(LOST, after)}),
                Scenario(f"{name} refused {when} its commit", {branch: Fault(REFUSED, after)}),
                Scenario(
                    f"undo of {name} lost {when} its commit",
                    {LAST: Fault(REFUSED, after=True), f"{branch}Revert": Fault(LOST, after)},
                ),
            ]
    return [
        *found,
        Scenario("submit lost on the way there", on_submit=Fault(LOST)),
        Scenario("submit's answer lost", on_submit=Fault(LOST, after=True)),
        Scenario("submit's answer lost while it runs", on_submit=Fault(LOST, after=True, detached=True)),
    ]


SCENARIOS = {scenario.name: scenario for scenario in _scenarios()}
LOST_SUBMITS = [name for name in SCENARIOS if name.startswith("submit")]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def calls(stack: RunningStack, gw: Gateway) -> AsyncIterator[dict[str, int]]:
    """Runs all scenarios until DTM has finished every saga; returns how often each "gid rpc" was called."""
    by_gid = {scenario.gid: scenario for scenario in SCENARIOS.values()}

    def branch_fault(path: str, metadata: Metadata) -> Fault | None:
        return by_gid[metadata["dtm-gid"]].strike(path.removeprefix("/api."))

    async with FaultyLine(lambda path: stack.grpc(path.split(".")[1]), branch_fault) as branches, awake(stack):
        await asyncio.gather(*(_place(stack, gw, scenario, branches.address) for scenario in SCENARIOS.values()))
        yield dict(branches.calls)


@asynccontextmanager
async def awake(stack: RunningStack) -> AsyncGenerator[None]:
    """DTM comes back to what waits at once. One waker for all: several deadlock in DTM's table, as one may with DTM."""

    async def wake(dtm: aiodtm.Dtm) -> None:
        while True:
            with suppress(aiodtm.DtmFailure):
                await dtm.wake()
            await asyncio.sleep(0.5)

    async with aiodtm.open_dtm(stack.address("DTM_MYSQL_GRPC"), stack.address("DTM_MYSQL_HTTP")) as dtm:
        waking = asyncio.create_task(wake(dtm))
        try:
            yield
        finally:
            waking.cancel()
            await asyncio.wait({waking})


async def _place(stack: RunningStack, gw: Gateway, scenario: Scenario, branches: str) -> None:
    """Submits one order's saga, and follows it to the end of the transaction."""
    await gw.set_stock(scenario.product, 10)
    coupon = await gw.new_coupon(scenario.user)
    order = NewOrder(scenario.order_id, scenario.user, scenario.product, 3, 100, coupon)
    once = [scenario.on_submit]

    def submit_fault(path: str, _: Metadata) -> Fault | None:
        return once.pop() if once and path.endswith("/Submit") else None

    async with (
        FaultyLine(lambda _: stack.address("DTM_MYSQL_GRPC"), submit_fault) as line,
        aiodtm.open_dtm(line.address, stack.address("DTM_MYSQL_HTTP")) as dtm,
    ):
        sagas = OrderSagas(dtm, Addresses(branches, branches, branches, branches))
        outcome = await sagas.place(scenario.gid, [order], {}).submit(5.0)
        while outcome is None or outcome.status not in ("succeed", "failed"):
            await asyncio.sleep(0.5)
            outcome = await dtm.outcome(scenario.gid)


@pytest.mark.parametrize("name", SCENARIOS)
async def test_an_order_ends_whole_or_leaves_nothing(
    calls: dict[str, int], books: Books, db: Databases, gw: Gateway, name: str
) -> None:
    scenario = SCENARIOS[name]

    placed = bool(db.orders(scenario.product))  # without a row the order was lost with its placer: it left nothing
    outcome = (await gw.settled(scenario.order_id, within=REST_WITHIN))["status"] if placed else "lost"

    assert db.stock(scenario.product) == (7 if outcome == "confirmed" else 10)
    await books.balance(scenario.product, sold=3 if outcome == "confirmed" else 0)


@pytest.mark.parametrize("name", [name for name in SCENARIOS if "refused" not in name and "undo" not in name])
async def test_an_order_that_nobody_refused_is_confirmed_in_its_first_transaction(
    calls: dict[str, int], books: Books, db: Databases, name: str
) -> None:
    scenario = SCENARIOS[name]

    await books.balance(scenario.product, sold=3, within=REST_WITHIN)

    (order,) = db.orders(scenario.product)
    assert (order["state"], order["gid"]) == ("confirmed", scenario.gid)


@pytest.mark.parametrize("name", LOST_SUBMITS)
async def test_a_lost_answer_to_submit_leads_to_no_second_pass(calls: dict[str, int], name: str) -> None:
    gid = SCENARIOS[name].gid

    assert {rpc: count for rpc, count in calls.items() if rpc.startswith(gid)} == {
        f"{gid} CreateMany": 2,  # order's and pay's
        f"{gid} UseMany": 1,
        f"{gid} DeductMany": 1,
    }
