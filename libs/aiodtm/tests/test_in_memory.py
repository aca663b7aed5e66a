"""The DTM in memory: its plans of faults, and that a guarded saga survives every one of them."""

import pytest

from aiodtm import Barrier, DtmFailure, Step, random_gid
from aiodtm.testing import Fault, InMemoryDtm, MemoryStore, Plan, every_plan

STEPS = 3


class Shop:
    """Steps 1 to 3 each take one of five units from their own shelf. Without its barrier no count would be right."""

    def __init__(self, plan: Plan) -> None:
        self.store = MemoryStore(dict.fromkeys(range(1, STEPS + 1), 5))
        self.dtm = InMemoryDtm(plan)
        self.saga = self.dtm.saga(random_gid())
        for step in range(1, STEPS + 1):
            action, undo = f"shop:1/shop.Shelf{step}/Take", f"shop:1/shop.Shelf{step}/PutBack"
            self.dtm.branch(action, self.branch(step, -1))
            self.dtm.branch(undo, self.branch(step, +1))
            self.saga.step(Step(action, undo, b""))

    def branch(self, step: int, change: int):
        async def guarded(payload: bytes, metadata: dict[str, str]) -> None:
            async def work(tx):
                tx.data[step] += change

            await self.store.once(Barrier.from_metadata(metadata), work)

        return guarded


@pytest.mark.parametrize("plan", every_plan(STEPS), ids=str)
async def test_a_guarded_saga_is_done_or_undone_as_a_whole(plan):
    shop = Shop(plan)
    told = await shop.saga.submit(1.0)
    await shop.dtm.settle()
    outcome = await shop.dtm.outcome(shop.saga.gid)
    assert outcome is not None
    left = {"succeed": 4, "failed": 5}[outcome.status]
    assert shop.store.data == dict.fromkeys(range(1, STEPS + 1), left)
    if told.status in ("succeed", "failed"):
        assert told == outcome
    refused = any(fault.kind == "refused" for fault in plan.faults)
    assert outcome.status == ("failed" if refused else "succeed")
    await shop.dtm.aclose()


async def test_a_late_action_arrives_after_its_undo():
    shop = Shop(Plan((Fault("late", 1), Fault("refused", 2))))
    await shop.saga.submit()
    await shop.dtm.settle()
    assert [(a.branch_id, a.op) for a in shop.dtm.arrivals] == [
        ("01", "action"),
        ("02", "compensate"),
        ("01", "compensate"),
        ("01", "action"),
    ]
    assert shop.store.rows[(shop.saga.gid, "02", "action")] == "compensate"


async def test_settle_says_what_does_not_come_to_an_end():
    dtm = InMemoryDtm()
    saga = dtm.saga(random_gid())
    saga.step(Step("shop:1/shop.Shelf/Nobody", "", b""))
    assert (await saga.submit(0.05)).status == "running"
    with pytest.raises(DtmFailure, match=r"no branch at shop:1/shop.Shelf/Nobody"):
        await dtm.settle(passes=3)
    await dtm.aclose()


async def test_without_retry_nothing_goes_on_until_settle():
    shop = Shop(Plan((Fault("lost", 2),)))
    shop.dtm._memory.retry_after = None
    assert (await shop.saga.submit(0.1)).status == "running"
    await shop.dtm.settle()
    outcome = await shop.dtm.outcome(shop.saga.gid)
    assert outcome is not None
    assert outcome.status == "succeed"


async def test_a_transaction_of_the_store_is_undone_by_an_error():
    store = MemoryStore({"num": 1})

    async def fail(tx):
        tx.data["num"] = 0
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await store.once(Barrier(random_gid(), "saga", "01", "action"), fail)
    assert store.data == {"num": 1}
    assert store.rows == {}
