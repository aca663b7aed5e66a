"""Sagas: steps that are done in order, and undone in reverse order when one of them refuses."""

from collections.abc import Sequence
from dataclasses import dataclass

from aiodtm._errors import InvalidTransaction
from aiodtm._outcome import Outcome
from aiodtm._request import Draft, Payload
from aiodtm._server import DtmServer
from aiodtm._submitting import Clock, Submission

RETRY_INTERVAL = 10  # seconds: a saga's, unless it says otherwise


@dataclass(frozen=True)
class Step:
    """One step of a saga: the addresses of what is done and of its undo, and the payload that both receive.

    An address is "host:port/package.service/Rpc". Without an undo ("") there is nothing to take back.
    """

    action: str
    undo: str
    payload: Payload


class Saga:
    """A saga that is being written down, then submitted. Made by `Dtm.saga`.

    It never uses DTM's RetryLimit or TimeoutToFail: both let DTM undo a branch whose action is still running.
    """

    def __init__(self, server: DtmServer, draft: Draft, *, fresh: bool) -> None:
        self._submission = Submission(server)
        self._submitted = False
        self._draft = draft
        self._fresh = fresh
        self._concurrent = False
        self._orders: dict[int, list[int]] = {}

    @property
    def gid(self) -> str:
        return self._draft.gid

    def step(self, step: Step) -> int:
        """Adds a step and returns its index, 0 for the first. Its branch id is "01" for the first, and so on.

        Raises PayloadTooLarge above 65,535 bytes.
        """
        self._refuse_once_submitted()
        self._draft.add({"action": step.action, "compensate": step.undo}, step.payload)
        return len(self._draft.steps) - 1

    def concurrent(self) -> None:
        """Lets DTM call all steps at the same time, and undo them at the same time."""
        self._refuse_once_submitted()
        self._concurrent = True

    def order(self, step: int, *, after: Sequence[int]) -> None:
        """In a concurrent saga: `step` begins when the steps `after` are done. Indices as `step()` returned them."""
        self._refuse_once_submitted()
        if any(earlier >= step or earlier < 0 for earlier in after) or step >= len(self._draft.steps):
            raise InvalidTransaction(f"step {step} cannot come after {list(after)}: only after steps added before it")
        self._orders[step] = list(after)

    async def submit(self, limit: float = 3.0, *, wait: bool = True) -> Outcome:
        """Has DTM run the saga, once, and says within `limit` seconds how far it came; without `wait`, that DTM has it.

        Safe to repeat, also from another process: a gid that DTM knows is only asked about. (Not by two at
        the same time.) After "unknown" ask again before the saga's rows are given up: a Submit may still be
        on its way to DTM. Raises InvalidTransaction, before anything is sent, for what DTM could not store, and
        GidConflict where DTM has something else under this gid.
        """
        if self._orders and not self._concurrent:
            raise InvalidTransaction("order() is for concurrent sagas; all others go step by step anyway")
        custom = {"orders": self._orders, "concurrent": True} if self._concurrent else None
        request = self._draft.request(custom, wait=wait)
        fresh = self._fresh and not self._submitted
        self._submitted = True
        return await self._submission.run(request, Clock(limit), fresh=fresh)

    def _refuse_once_submitted(self) -> None:
        if self._submitted:
            raise InvalidTransaction("it has been submitted: every Submit of a gid has to be the same")
