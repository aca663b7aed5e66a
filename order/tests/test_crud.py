"""Orders through CRUD: an order takes its steps in turn, and what was ordered stays as it is."""

from typing import Any

import pytest
from shop_in_memory.shop import Shop

from eshop_chassis.dtm import Fault
from eshop_chassis.mysql import Database
from eshop_order.crud import OrderCrud
from eshop_order.orders import NewOrder
from eshop_order.outcome import Outcomes
from eshop_order.placing.direct import DirectOrders
from eshop_order.placing.lanes import OrderLanes
from eshop_order.queue.buffered import BufferedOrders
from eshop_order.service import OrderService
from eshop_order.store import OrderStore
from eshop_protos.order.v1 import order_pb2 as pb
from eshop_protos.types import types_pb2
from protoc_gen_fastapi.runtime import Call, Conflict, NotFound

pytestmark = pytest.mark.parts
ORDER = NewOrder("o" * 26, 7, 1, 2, 100)


@pytest.fixture
def service(db: Database, shop: Shop) -> OrderService:
    office, store = shop.office(), OrderStore()
    placer, in_flight = office.placer, office.in_flight
    return OrderService(
        db,
        store,
        OrderCrud(db, store),
        DirectOrders(db, store, OrderLanes(placer, in_flight, 1), in_flight, wait_seconds=1),
        BufferedOrders(shop.queue, shop.seal, "orders"),
        office.service._keyed,
        Outcomes(db, store, placer, shop.ids),
        shop.ids,
    )


async def placed(service: OrderService, *, confirmed: bool = True, order: NewOrder = ORDER) -> int:
    """Claims an order and, if wanted, confirms it; returns the id of its row."""
    store, db = service._store, service._db
    await db.run(lambda tx: store.claim(tx, "g1", [order], suite=True))
    if confirmed:
        await db.run(lambda tx: store.confirm(tx, "g1"))
    shown = await db.run_core(lambda tx: store.by_order_id(tx, order.order_id))
    assert shown
    return shown.id


async def update(service: OrderService, row_id: int, **values: Any) -> None:
    await service.update_by_id(pb.UpdateOrderByIDRequest(id=row_id, **values), Call.local())


async def get(service: OrderService, row_id: int) -> pb.Order:
    return (await service.get_by_id(pb.GetOrderByIDRequest(id=row_id), Call.local())).order


async def delete(service: OrderService, row_id: int) -> None:
    await service.delete_by_id(pb.DeleteOrderByIDRequest(id=row_id), Call.local())


async def test_an_order_takes_its_steps_in_turn(service: OrderService):
    row_id = await placed(service)
    for status in (2, 3, 4):
        await update(service, row_id, status=status)
        assert (await get(service, row_id)).status == status


@pytest.mark.parametrize("status", [0, 3, 4, 5, 9])
async def test_no_step_can_be_left_out(service: OrderService, status: int):
    row_id = await placed(service)
    with pytest.raises(Conflict, match="status"):
        await update(service, row_id, status=status)


async def test_an_order_that_is_being_placed_takes_no_step(service: OrderService):
    row_id = await placed(service, confirmed=False)
    with pytest.raises(Conflict, match="status"):
        await update(service, row_id, status=2)


@pytest.mark.parametrize("change", [{"amount": 1}, {"productCount": 9}, {"userID": 8}, {"orderID": "x" * 26}])
async def test_what_was_ordered_stays_as_it_is(service: OrderService, change: dict[str, Any]):
    row_id = await placed(service)
    with pytest.raises(Conflict, match="can't be changed"):
        await update(service, row_id, **change)
    await update(service, row_id, amount=100, productCount=2, userID=7, orderID=ORDER.order_id)


async def test_a_live_order_can_not_be_deleted(service: OrderService):
    row_id = await placed(service)
    with pytest.raises(Conflict, match="live"):
        await delete(service, row_id)
    for status in (2, 3, 4):
        await update(service, row_id, status=status)
    await delete(service, row_id)
    with pytest.raises(NotFound):
        await get(service, row_id)


async def test_a_cancelled_order_shows_until_it_is_deleted(service: OrderService):
    row_id = await placed(service, confirmed=False)
    store, db = service._store, service._db
    await db.run(lambda tx: store.revert(tx, "g1", [ORDER.order_id]))
    with pytest.raises(NotFound):
        await get(service, row_id)
    await db.run(lambda tx: store.cancel(tx, "g1", [(ORDER, Fault(ORDER.order_id, "OUT_OF_STOCK", "sold out"))]))
    assert (await get(service, row_id)).status == 5
    await delete(service, row_id)
    with pytest.raises(NotFound):
        await get(service, row_id)


async def test_lists_show_what_buyers_may_see(service: OrderService):
    for number in range(3):
        await placed(service, confirmed=number < 2, order=NewOrder(f"{number}" * 26, 7, 1, 1, 100))
    await service._db.run(lambda tx: service._store.revert(tx, "g1", ["2" * 26]))
    request = pb.ListOrderRequest(params=types_pb2.Params(page=0, limit=10))
    reply = await service.list(request, Call.local())
    assert (reply.total, [order.orderID for order in reply.orders]) == (2, ["1" * 26, "0" * 26])
