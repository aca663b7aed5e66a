"""The flash-sale service with a DTM and a queue in memory."""

import asyncio
from typing import Any

from shop_in_memory.network import Network
from shop_in_memory.shop import SECRET, Drain, Queue

from aiodtm import Message
from aiodtm.testing import InMemoryDtm, Plan
from eshop_contract import OrderIds, QueueSeal
from eshop_flash_sale.buying import buy
from eshop_flash_sale.buying.buy import Buying
from eshop_flash_sale.buying.messages import Messages
from eshop_flash_sale.delivery.delivery import Delivery
from eshop_flash_sale.idempotency.requests import KeyedBuying
from eshop_flash_sale.service import FlashSaleService
from eshop_protos.flash_sale.v1 import flash_sale_api
from eshop_protos.flash_sale.v1 import flash_sale_pb2 as pb
from eshop_protos.order.v1 import order_pb2
from protoc_gen_fastapi.runtime import Call, Unavailable

from .shelf import Shelf

IDS = OrderIds(SECRET)


class Orders:
    """Stands in for the order service: keeps what it is told of."""

    def __init__(self) -> None:
        self.noted: list[str] = []
        self.down = False

    async def note_running_many(self, request: order_pb2.NoteRunningManyRequest, call: Call) -> object:
        if self.down:
            raise Unavailable("away")
        self.noted += [order.orderID for order in request.orders]
        return order_pb2.NoteRunningManyReply()


class ListingDtm(InMemoryDtm):
    """Lists the messages that were made."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.made: list[str] = []

    def message(self, gid: str, *args: Any, **kwargs: Any) -> Message:
        self.made.append(gid)
        return super().message(gid, *args, **kwargs)

    async def statuses(self) -> list[str]:
        found = [await self.query(gid) for gid in self.made]
        return sorted(transaction.status for transaction in found if transaction)


class Stall:
    """The flash-sale service with its DTM and its queue."""

    def __init__(self, shelf: Shelf, plan: Plan | None = None) -> None:
        self.shelf, self.queue, self.network, self.orders = shelf, Queue(), Network(), Orders()
        self.dtm = ListingDtm(plan, retry_after=0.002)
        self.start()
        self.network.open_to(self.dtm, "flash:1", flash_sale_api.DESCRIPTOR)
        self.client = flash_sale_api.FlashSaleClient(self.network.channel("flash:1"))

    def start(self) -> None:
        """A new process of the service."""
        orders: Any = self.orders
        self.messages = Messages(self.dtm, address="flash:1")
        queue: Any = self.queue
        drain: Any = Drain()
        self.delivery = Delivery(self.shelf.redis, queue, "orders", QueueSeal(SECRET), drain)
        self.buying = Buying(self.shelf.sales, self.messages, self.delivery, IDS, orders, wait_seconds=0.3, lanes=2)
        keyed = KeyedBuying(self.shelf.keys, IDS, self.buying)
        self.service = FlashSaleService(self.shelf.sales, self.buying, keyed, self.delivery, drain, IDS)
        self.network.serve("flash:1", flash_sale_api.flash_sale_handlers(self.service, self.network.hooks))

    async def buy(self, product: int, user: int = 7, *, key: str = "", amount: int = 100) -> pb.FlashSaleReply:
        request = pb.FlashSaleRequest(userID=user, productID=product, amount=amount)
        return await self.client.flash_sale(request, Call.local({"idempotency-key": key} if key else {}))

    def sell(self, product: int) -> Any:
        """What `buy` does in the service's process, for a buyer who came alone."""
        buyer = buy.Buyer(IDS.new("f"), 7, product, 100, "r-1")
        alone: Any = _Alone(buyer)
        return self.buying._sell([alone])

    def queued(self) -> list[str]:
        """The ids of the orders in the queue, each once: the order service places an id once however often it comes."""
        return list(dict.fromkeys(message.key for message in self.queue.messages))

    async def settle(self) -> None:
        """DTM finishes everything; what was prepared and not submitted is checked back."""
        await asyncio.sleep(0.01)
        await self.dtm.settle()


class _Alone:
    """A buyer in a batch of one, who does not mind the answer."""

    def __init__(self, item: buy.Buyer) -> None:
        self.item = item

    def resolve(self, _accepted: object) -> None: ...

    def fail(self, _error: object) -> None: ...


async def taken(shelf: Shelf, product: int) -> list[str]:
    return list(await shelf.unsettled(product))


def branch_call(gid: str, op: str = "action") -> Call:
    """A call as DTM makes it."""
    branch = "00" if op == "msg" else "01"
    return Call.local({"dtm-gid": gid, "dtm-trans_type": "msg", "dtm-branch_id": branch, "dtm-op": op})


async def deliver(stall: Stall, gid: str) -> None:
    """What DTM does once a message is submitted."""
    await stall.service.send_submit_order_notify_many(pb.SendSubmitOrderNotifyManyRequest(), branch_call(gid))
