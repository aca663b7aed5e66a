"""Reading the refusals of a failed saga from the services that stored them."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from aiodtm import Outcome
from eshop_chassis.dtm import MAX_REASON, Fault
from eshop_contract import refusals as table
from eshop_protos.types import types_pb2
from protoc_gen_fastapi.runtime import Call

Ask = Callable[[types_pb2.GetRefusalsRequest, Call], Awaitable[types_pb2.GetRefusalsReply]]


class Refusals:
    """Asks the services that a saga went through. `services` maps a gRPC service's full name to its GetRefusals."""

    def __init__(self, services: Mapping[str, Ask]) -> None:
        self._services = services

    async def of(self, gid: str, outcome: Outcome, order_ids: Sequence[str], *, whole: bool) -> list[Fault]:
        """The refused orders among `order_ids`, each once.

        `whole`: these are all the orders of the saga. A saga of one order blames it even where no service names it; of
        several orders none is blamed then, and they go one by one. Where `order_ids` are only what is left of a saga,
        somebody else may have been at fault, so nobody is blamed who is not named.
        """
        found = await self._stored(gid, outcome.refused_by)
        named = {fault.order_id: fault for fault in found if fault.order_id in order_ids}
        if not named and whole and len(order_ids) == 1:
            unnamed = table.REFUSED()
            first = found[0] if found else Fault("", unnamed.short, outcome.reason or unnamed.reason)
            return [Fault(order_ids[0], first.code, first.reason[:MAX_REASON])]
        return list(named.values())

    async def _stored(self, gid: str, refused_by: str) -> list[Fault]:
        """DTM tells the branch that refused: its service is asked; all are where it tells none."""
        asked = [ask for name, ask in self._services.items() if f"/{name}/" in refused_by]
        request = types_pb2.GetRefusalsRequest(gid=gid)
        replies = await asyncio.gather(*(ask(request, Call.local()) for ask in asked or self._services.values()))
        return [Fault(r.orderID, r.code, r.reason) for reply in replies for r in reply.refusals]
