"""A DTM in memory with the interface of `aiodtm.Dtm`, for unit tests."""

from aiodtm._dtm import Dtm
from aiodtm.testing._plan import Faults, Plan
from aiodtm.testing._server import MemoryServer
from aiodtm.testing._transactions import Arrival, Caller, Handler


class InMemoryDtm(Dtm):
    """Behaves as DTM v1.19.0 does, with branches that are plain functions, and with faults on request.

        dtm = InMemoryDtm(Plan(repeat=2))
        dtm.branch("127.0.0.1:30382/api.stock.v1.stock/DeductMany", deduct)   # async def deduct(payload, metadata)
        ...
        await dtm.settle()

    What is left unfinished is taken up again after `retry_after` seconds (the real DTM: 10 to 20), or with None only by
    `settle()`. A check-back comes only by `settle()`. `branch_limit`: seconds after which a branch call is cancelled,
    where the transaction has no `request_timeout` of its own.
    """

    def __init__(
        self, plan: Plan | None = None, *, retry_after: float | None = 0.02, branch_limit: float = 3.0
    ) -> None:
        self._memory = MemoryServer(Caller(Faults(plan or Plan()), branch_limit), retry_after)
        super().__init__(self._memory)

    def branch(self, url: str, handler: Handler) -> None:
        """Has `handler(payload, metadata)` answer for this address.

        Raising BranchRefused refuses, BranchRunning asks for patience, any other error makes DTM call again.
        """
        self._memory.caller.handlers[url] = handler

    @property
    def arrivals(self) -> list[Arrival]:
        """Every call that reached a branch, in order."""
        return self._memory.caller.arrivals

    async def settle(self, passes: int = 50) -> None:
        """Goes on until every transaction is finished, then delivers the late calls. Else raises DtmFailure."""
        await self._memory.settle(passes)

    async def aclose(self) -> None:
        """Ends what still runs."""
        await self._memory.aclose()
