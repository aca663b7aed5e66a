"""What became of an order, as its buyer is told."""

from sqlalchemy.ext.asyncio import AsyncConnection

from aiodtm import DtmFailure, DtmUnavailable
from eshop_chassis.mysql import Transactions, Tx
from eshop_contract import SHOP, OrderIds, refusals
from eshop_order.orders import CANCELLED, Orders, Row
from eshop_order.placing.placer import Placer
from eshop_protos.order.v1 import order_pb2 as pb
from protoc_gen_fastapi.runtime import NotFound

PUT_ASIDE = "the shop could not place this order by itself and put it aside; somebody looks at it"


class Outcomes:
    """Tells the fate of every order id that was handed out."""

    def __init__(self, db: Transactions, store: Orders, placer: Placer, ids: OrderIds) -> None:
        self._db = db
        self._store = store
        self._placer = placer
        self._ids = ids

    async def of(self, order_id: str, language: str) -> pb.GetOutcomeReply:
        """The outcome, with its reason in `language`. Raises NotFound for an id that was never handed out."""
        reply = await self._find_outcome(order_id)
        reply.reason = SHOP.text_in(language, reply.reason)
        return reply

    async def _find_outcome(self, order_id: str) -> pb.GetOutcomeReply:
        row = await self._db.run(lambda tx: self._find(tx, order_id))
        if row is None:
            return await self._not_placed_yet(order_id)
        if row.final is None and await self._just_succeeded(row):
            row = await self._db.run(lambda tx: self._find(tx, order_id)) or row
        found = row
        return await self._db.run_core(lambda tx: self._tell(tx, found))

    async def _find(self, tx: Tx, order_id: str) -> Row | None:
        return (await self._store.find(tx, [order_id])).get(order_id)

    async def _just_succeeded(self, row: Row) -> bool:
        """A foreign saga, or one whose placer died, may have succeeded without anybody writing it here yet."""
        try:
            return await self._placer.confirm_if_succeeded(row) is not None
        except (DtmUnavailable, DtmFailure):
            return False

    async def _tell(self, tx: AsyncConnection, row: Row) -> pb.GetOutcomeReply:
        order_id = row.order.order_id
        reply = pb.GetOutcomeReply(orderID=order_id, status=_status(row), reason=row.reason)
        if reply.status == "refused":
            reply.code = refusals.code_of(row.code) or refusals.CONFLICT
        order = await self._store.by_order_id(tx, order_id)
        if order is not None:
            reply.order.CopyFrom(order)
            if row.state == "confirmed" and order.status == CANCELLED:
                reply.status = "cancelled"
        return reply

    async def _not_placed_yet(self, order_id: str) -> pb.GetOutcomeReply:
        """An id of the queue is handed out once Kafka has the order: without a row it is still there, or put aside.

        What was put aside counts first: it may be from before this installation had a key of its own.
        """
        put_aside = await self._db.run(lambda tx: self._store.dead_letter(tx, order_id))
        if put_aside is None and self._ids.kind(order_id) not in ("b", "f"):
            raise NotFound(f"order {order_id} does not exist")
        return pb.GetOutcomeReply(
            orderID=order_id, status="accepted", reason=PUT_ASIDE if put_aside is not None else ""
        )


def _status(row: Row) -> str:
    if row.final is None:
        return "running"
    if row.final.confirmed:
        return "confirmed"
    return "cancelled" if row.code in ("", refusals.REVERTED.short) else "refused"
