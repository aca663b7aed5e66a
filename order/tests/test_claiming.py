"""The claiming rule, tried out in full: one order, and everything that several placers, crashes, the sweeper and sagas
that come late can do with it, in every order.

The rule is the store's own: each step of the model calls it. The model knows what DTM, placers and the sweeper do next.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from shop_in_memory.database import MemoryTx, data_of
from shop_in_memory.orders import MemoryOrders

from eshop_chassis.dtm import Fault
from eshop_chassis.mysql import Tx
from eshop_order.orders import CLAIMED_ELSEWHERE, NewOrder, Row

ORDER = NewOrder("b" * 26, 7, 1, 1, 100)
MOST_SAGAS = 3


@dataclass(frozen=True)
class Saga:
    """flying: submitted, and DTM may hear of it at any time, or never. `why`: who is to blame for a refusal."""

    phase: str = "flying"  # flying, called, claimed, undoing, failed, succeeded
    why: str = ""  # FAULT: this order; NOBODY: some other; or the claim's own code


@dataclass(frozen=True)
class Placer:
    """What somebody who places the order does next, and with which saga."""

    step: str = "start"  # start, wait, cancel, settle, done, dead
    gid: int = -1
    told: bool | None = None


@dataclass(frozen=True)
class State:
    row: Row | None = None
    sagas: tuple[Saga, ...] = ()
    placers: tuple[Placer, ...] = (Placer(),)
    crashes: int = 2
    takeovers: int = 2

    def saga(self, number: int, **changes: str) -> "State":
        sagas = tuple(replace(s, **changes) if n == number else s for n, s in enumerate(self.sagas))
        return replace(self, sagas=sagas)

    def placer(self, number: int, **changes: Any) -> "State":
        placers = tuple(replace(p, **changes) if n == number else p for n, p in enumerate(self.placers))
        # Which of two placers is which does not matter.
        return replace(self, placers=tuple(sorted(placers, key=repr)))


class Model:
    """All that can happen next."""

    def __init__(self, store: MemoryOrders) -> None:
        self._store = store

    def next(self, state: State) -> Iterator[State]:
        for number in range(len(state.sagas)):
            yield from self._saga_goes_on(state, number)
        for number, placer in enumerate(state.placers):
            yield from self._placer_goes_on(state, number, placer)
            if state.crashes and placer.step not in ("done", "dead"):
                yield replace(state.placer(number, step="dead"), crashes=state.crashes - 1)
        yield from self._somebody_takes_over(state)

    def _saga_goes_on(self, state: State, number: int) -> Iterator[State]:
        saga = state.sagas[number]
        if saga.phase == "flying":
            yield state.saga(number, phase="called")
        elif saga.phase == "called":
            after, faults = self._write(state, "claim", f"g{number}", [ORDER], suite=True)
            yield (
                state.saga(number, phase="undoing", why=faults[0].code)
                if faults
                else after.saga(number, phase="claimed")
            )
        elif saga.phase == "claimed":
            yield state.saga(number, phase="succeeded")
            yield state.saga(number, phase="undoing", why="FAULT")
            yield state.saga(number, phase="undoing", why="NOBODY")
        elif saga.phase == "undoing":
            # The barrier lets only an undo through whose action was done.
            done = saga.why in ("FAULT", "NOBODY")
            after = self._write(state, "revert", f"g{number}", [ORDER.order_id])[0] if done else state
            yield after.saga(number, phase="failed")

    def _placer_goes_on(self, state: State, number: int, placer: Placer) -> Iterator[State]:
        if placer.step == "start" and len(state.sagas) < MOST_SAGAS:
            yield self._refused_on_sight(state, number)
            begun = state.placer(number, step="wait", gid=len(state.sagas))
            yield replace(begun, sagas=(*state.sagas, Saga()))
        elif placer.step == "wait":
            yield from self._outcome(state, number, placer.gid)
        elif placer.step == "cancel":
            fault = Fault(ORDER.order_id, "FAULT", "")
            after, cancelled = self._write(state, "cancel", f"g{placer.gid}", [(ORDER, fault)])
            yield after.placer(number, step="done", told=False) if cancelled else self._looked_up(after, number)
        elif placer.step == "settle":
            after, _ = self._write(state, "revert", f"g{placer.gid}", [ORDER.order_id])
            yield after.placer(number, step="cancel" if self._blamed(state, placer.gid) else "start")

    def _refused_on_sight(self, state: State, number: int) -> State:
        """A look ahead names the order: nobody has it, or it goes its way as if nobody had looked."""
        after, cancelled = self._write(state, "cancel", "", [(ORDER, Fault(ORDER.order_id, "FAULT", ""))])
        return after.placer(number, step="done", told=False) if cancelled else state

    def _outcome(self, state: State, number: int, gid: int) -> Iterator[State]:
        saga = state.sagas[gid]
        if saga.phase == "succeeded":
            after, _ = self._write(state, "confirm", f"g{gid}")
            yield after.placer(number, step="done", told=True)
        elif saga.phase == "failed" and saga.why == "FAULT":
            yield state.placer(number, step="cancel")
        elif saga.phase == "failed" and saga.why == "NOBODY":
            yield state.placer(number, step="start")
        elif saga.phase == "failed":
            yield self._looked_up(state, number)

    def _looked_up(self, state: State, number: int) -> State:
        """Somebody else has the order: it is final, or its saga succeeded, or it is tried again."""
        row = state.row
        if row is not None and row.final is not None:
            return state.placer(number, step="done", told=row.final.confirmed)
        if row is not None and row.state == "claimed" and state.sagas[int(row.gid[1:])].phase == "succeeded":
            after, _ = self._write(state, "confirm", row.gid)
            return after.placer(number, step="done", told=True)
        return state.placer(number, step="start")

    def _somebody_takes_over(self, state: State) -> Iterator[State]:
        """The queue delivers again; the sweeper looks at what is not final."""
        if state.takeovers:
            fewer = replace(state, takeovers=state.takeovers - 1)
            yield replace(fewer, placers=(*state.placers, Placer())).placer(0)
            if state.row is not None and state.row.state in ("reverted", "placing"):
                gid = int(state.row.gid[1:])
                if state.sagas[gid].phase in ("flying", "failed"):
                    yield replace(fewer, placers=(*state.placers, Placer("settle", gid))).placer(0)
        row = state.row
        if row is not None and row.state == "claimed" and state.sagas[int(row.gid[1:])].phase == "succeeded":
            yield self._write(state, "confirm", row.gid)[0]

    def _blamed(self, state: State, gid: int) -> bool:
        return state.sagas[gid].phase == "failed" and state.sagas[gid].why == "FAULT"

    def _write(self, state: State, what: str, *args: Any, **kwargs: Any) -> tuple[State, Any]:
        """One transaction of the store on the order's row."""
        tx = MemoryTx({}, {})
        if state.row is not None:
            self._store._insert(tx, state.row.gid, [ORDER], state.row.state, suite=True)
            self._store._change(tx, ORDER.order_id, code=state.row.code, reason=state.row.reason)
        work = getattr(self._store, what)(tx, *args, **kwargs)
        try:
            work.send(None)
        except StopIteration as done:
            kept = tx.data.get("order", {}).get(ORDER.order_id)
            return replace(state, row=kept.row if kept else None), done.value
        raise AssertionError("a fake store does not wait")


def violation(state: State) -> str:
    """What is wrong in a state; "" where nothing is."""
    succeeded = [n for n, saga in enumerate(state.sagas) if saga.phase == "succeeded"]
    row = state.row
    if len(succeeded) > 1:
        return "the order was placed twice"
    if row is not None and row.state == "cancelled" and succeeded:
        return "a cancelled order was placed"
    if row is not None and row.state == "confirmed" and succeeded != [int(row.gid[1:])]:
        return "a confirmed order was not placed by its saga"
    if succeeded and (row is None or row.gid != f"g{succeeded[0]}" or row.state not in ("claimed", "confirmed")):
        return "the order was placed and its row does not know"
    for placer in state.placers:
        if placer.told is not None and (row is None or row.final is None or row.final.confirmed != placer.told):
            return "somebody was told what is not so"
    return ""


def has_a_chance(state: State) -> bool:
    """Somebody is at it and has not run out of sagas: the order must be able to end."""
    alive = any(placer.step not in ("dead", "done") for placer in state.placers)
    return alive and len(state.sagas) < MOST_SAGAS


def final(state: State) -> bool:
    return state.row is not None and state.row.final is not None


def explore(store: MemoryOrders) -> tuple[int, str]:
    """Visits every state; returns how many were seen, and what is wrong in one of them."""
    model = Model(store)
    before: dict[State, list[State]] = {State(): []}
    todo = [State()]
    while todo:
        state = todo.pop()
        if wrong := violation(state):
            return len(before), wrong
        for following in model.next(state):
            if following not in before:
                before[following] = []
                todo.append(following)
            before[following].append(state)
    stuck = any(has_a_chance(state) for state in before.keys() - _able_to_end(before))
    return len(before), "the order can't come to an end any more" if stuck else ""


def _able_to_end(before: dict[State, list[State]]) -> set[State]:
    """The states from which a final one can be reached."""
    able = {state for state in before if final(state)}
    todo = list(able)
    while todo:
        new = set(before[todo.pop()]) - able
        able |= new
        todo += new
    return able


def test_no_order_is_lost_doubled_or_told_wrong_whatever_happens_when():
    states, wrong = explore(MemoryOrders())
    assert wrong == ""
    assert states > 30_000


class LeavesOthersAlone(MemoryOrders):
    """Takes no notice of rows that another transaction owns."""

    async def claim(self, tx: Tx, gid: str, orders: Any, *, suite: bool, branch_id: str = "") -> list[Fault]:
        faults = await super().claim(tx, gid, orders, suite=suite)
        return [fault for fault in faults if fault.code != CLAIMED_ELSEWHERE]


class RevertsOthers(MemoryOrders):
    """Undoes claims of whatever gid."""

    async def revert(self, tx: Tx, gid: str, order_ids: Any) -> None:
        await super().revert(tx, data_of(tx)["order"][ORDER.order_id].row.gid, order_ids)


class RevertsForGood(MemoryOrders):
    """Takes a reverted order for a final one."""

    async def claim(self, tx: Tx, gid: str, orders: Any, *, suite: bool, branch_id: str = "") -> list[Fault]:
        row = (await self.find(tx, [ORDER.order_id])).get(ORDER.order_id)
        if row is not None and row.state == "reverted":
            return [Fault(ORDER.order_id, CLAIMED_ELSEWHERE, "")]
        return await super().claim(tx, gid, orders, suite=suite)


class CancelsOthers(MemoryOrders):
    """Cancels orders that somebody else owns by now."""

    async def cancel(self, tx: Tx, gid: str, refused: Any) -> set[str]:
        row = (await self.find(tx, [ORDER.order_id])).get(ORDER.order_id)
        if row is None:
            return await super().cancel(tx, gid, refused)
        if row.state == "claimed":
            await self.revert(tx, row.gid, [ORDER.order_id])
        return await super().cancel(tx, row.gid, refused)


class SaysItCancelled(MemoryOrders):
    """Tells that an order is cancelled without looking whose it is."""

    async def cancel(self, tx: Tx, gid: str, refused: Any) -> set[str]:
        await super().cancel(tx, gid, refused)
        return {ORDER.order_id}


@pytest.mark.parametrize(
    "store",
    [LeavesOthersAlone, RevertsOthers, RevertsForGood, CancelsOthers, SaysItCancelled],
    ids=lambda s: s.__name__,
)
def test_any_other_rule_would_be_found_out(store: type[MemoryOrders]):
    assert explore(store())[1] != ""
