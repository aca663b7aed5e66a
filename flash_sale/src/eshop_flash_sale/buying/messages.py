"""The messages by which units are sold. A message's gid names its products, and is all that it says.

What is delivered is what Redis has stored as taken under this gid. So a message can be prepared before its buyers have
come: while one batch is sold, the message of the next one is prepared, if it is likely to sell the same products.
"""

import asyncio
from collections.abc import Collection, Coroutine, Iterator, Sequence
from dataclasses import dataclass

from aiodtm import MOST_SUFFIX, Dtm, Message, random_gid
from eshop_chassis import get_logger
from eshop_chassis.dtm import branch_url
from eshop_protos.flash_sale.v1 import flash_sale_pb2 as pb
from eshop_protos.flash_sale.v1.flash_sale_api import FlashSaleApi

log = get_logger(__name__)
# Batches follow each other within milliseconds or not at all. DTM checks back 4 s after prepare at the earliest.
SPARE_SECONDS = 0.3


@dataclass(frozen=True)
class Spare:
    """A message that is being prepared, or was, for a batch that has not come yet."""

    products: str
    message: Message
    prepared: asyncio.Task[None]
    timer: asyncio.TimerHandle


class Messages:
    """Prepares the messages of flash sales, one of them ahead."""

    def __init__(self, dtm: Dtm, *, address: str) -> None:
        self._dtm = dtm
        self._check_back = branch_url(address, FlashSaleApi.redis_query_prepared)
        self._delivery = branch_url(address, FlashSaleApi.send_submit_order_notify_many)
        self._spare: Spare | None = None
        self._last = ""
        self._likely = ""
        self._aborting: set[asyncio.Task[None]] = set()

    async def prepared(self, products: Collection[int]) -> Message:
        """A prepared message for these products. Raises DtmUnavailable, DtmFailure."""
        name = "-".join(map(str, sorted(products)))
        # Two batches of the same products are followed by a third one.
        self._likely = name if name == self._last else ""
        self._last = name
        spare = self._spare
        if spare is not None and spare.products == name:
            self._spare = None
            spare.timer.cancel()
            if not (spare.prepared.done() and spare.prepared.exception()):
                await spare.prepared
                return spare.message
        message = self._message(name)
        await message.prepare()
        return message

    def prepare_ahead(self) -> None:
        """Begins to prepare the message of the next batch, if it is likely to sell what the last ones did."""
        if not self._likely or (self._spare is not None and self._spare.products == self._likely):
            return
        self._drop_spare()
        message = self._message(self._likely)
        timer = asyncio.get_running_loop().call_later(SPARE_SECONDS, self._drop_spare)
        self._spare = Spare(self._likely, message, asyncio.create_task(message.prepare()), timer)

    def abort(self, message: Message) -> None:
        """Tells DTM beside the answer that nothing will come; should that be lost, the check-back tells it."""
        self._beside(message.abort())

    def _drop_spare(self) -> None:
        spare, self._spare = self._spare, None
        if spare is not None:
            spare.timer.cancel()
            self._beside(_abort_prepared(spare))

    def _message(self, products: str) -> Message:
        message = self._dtm.message(random_gid(products), self._check_back, fresh=True)
        message.step(self._delivery, pb.SendSubmitOrderNotifyManyRequest())
        return message

    def _beside(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._aborting.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._aborting.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.info("a message is left to its check-back", why=str(error))


async def _abort_prepared(spare: Spare) -> None:
    await spare.prepared
    await spare.message.abort()


def together(products: Sequence[int]) -> Iterator[Sequence[int]]:
    """Cuts a list of products into parts that one gid can name."""
    start, length = 0, 0
    for end, product_id in enumerate(products):
        length += len(str(product_id)) + 1
        if length > MOST_SUFFIX + 1:
            yield products[start:end]
            start, length = end, len(str(product_id)) + 1
    if products:
        yield products[start:]


def products_of(gid: str) -> list[int]:
    """The products that a message's gid names. Raises ValueError for a gid that this service did not make."""
    named = [int(part) for part in gid.split("-")[1:] if part]
    if not named:
        raise ValueError(gid)
    return named
