"""Stock rows through CRUD: every change is booked, and what would break the books of a flash sale is refused."""

from typing import Any

import pytest
from shop_in_memory.parts import keep_total, kept_and_counted

from aiodtm import random_gid
from eshop_chassis.mysql import Database
from eshop_protos.stock.v1 import stock_pb2 as pb
from eshop_stock.crud import StockCrud
from eshop_stock.service import StockService
from eshop_stock.store import StockStore
from eshop_stock.units import Units
from protoc_gen_fastapi.runtime import AlreadyExists, Call, Conflict, NotFound, RpcError

from .house import House, branch

pytestmark = pytest.mark.parts


@pytest.fixture
def house(db: Database) -> House:
    return House(db, StockStore())


@pytest.fixture
def service(house: House) -> StockService:
    return StockService(house.db, house.store, StockCrud(house.db, house.store), house.deduction, house.flash_sales)


async def create(service: StockService, product: int = 1, stock: int = 10) -> int:
    return (await service.create(pb.CreateStockRequest(productID=product, stock=stock), Call.local())).id


async def get(service: StockService, row_id: int) -> pb.Stock:
    return (await service.get_by_id(pb.GetStockByIDRequest(id=row_id), Call.local())).stock


async def update(service: StockService, row_id: int, **values: int) -> None:
    await service.update_by_id(pb.UpdateStockByIDRequest(id=row_id, **values), Call.local())


async def delete(service: StockService, row_id: int) -> None:
    await service.delete_by_id(pb.DeleteStockByIDRequest(id=row_id), Call.local())


async def bookings(db: Database) -> list[tuple[Any, ...]]:
    async with db.engine.begin() as tx:
        rows = await tx.exec_driver_sql("SELECT product_id, delta, kind FROM stock_ledger ORDER BY id")
        return [tuple(row) for row in rows]


async def test_every_change_is_booked(service: StockService, db: Database):
    row_id = await create(service, stock=10)
    await update(service, row_id, stock=25)
    await update(service, row_id, stock=25)
    await update(service, row_id, stock=0)
    await update(service, row_id, stock=4)
    await delete(service, row_id)
    assert await bookings(db) == [
        (1, 10, "create"),
        (1, 15, "update"),
        (1, -25, "update"),
        (1, 4, "update"),
        (1, -4, "delete"),
    ]


async def test_a_product_has_one_live_row(service: StockService):
    first = await create(service)
    with pytest.raises(AlreadyExists, match=r"product"):
        await create(service)
    await delete(service, first)
    assert (await get(service, await create(service, stock=3))).stock == 3


async def test_a_row_keeps_its_product(service: StockService):
    row_id = await create(service)
    with pytest.raises(Conflict, match="productID"):
        await update(service, row_id, productID=2)
    await update(service, row_id, productID=1, stock=7)
    assert (await get(service, row_id)).stock == 7


async def test_a_deleted_row_is_gone(service: StockService):
    row_id = await create(service)
    await delete(service, row_id)
    for gone in (get(service, row_id), update(service, row_id, stock=1), delete(service, row_id)):
        with pytest.raises(NotFound):
            await gone


class TestOnFlashSale:
    @pytest.fixture
    async def row_id(self, house: House, service: StockService) -> int:
        row_id = await create(service, stock=5)
        await house.set(1, 10)
        return row_id

    async def test_stock_can_only_be_set_as_a_flash_sale(self, service: StockService, row_id: int):
        with pytest.raises(Conflict, match="setFlashSale"):
            await update(service, row_id, stock=99)
        await update(service, row_id, stock=10)
        assert (await get(service, row_id)).stock == 10

    async def test_the_row_can_be_deleted_only_when_nothing_is_offered(
        self, house: House, service: StockService, row_id: int
    ):
        with pytest.raises(Conflict, match="set its flash-sale stock to 0 first"):
            await delete(service, row_id)
        await house.set(1, 0)
        await delete(service, row_id)

    async def test_units_of_a_deleted_row_that_go_back_leave_the_books_with_it(
        self, house: House, service: StockService, row_id: int, db: Database
    ):
        gid = random_gid("unittest")
        await house.deduct(Units("a", 1, 10), gid=gid)
        await delete(service, row_id)
        await house.put_back(Units("a", 1, 10), gid=gid)
        async with db.engine.begin() as tx:
            stock = (await tx.exec_driver_sql("SELECT SUM(stock) FROM stock WHERE product_id = 1")).scalar_one()
        assert stock == sum(delta for _, delta, _ in await bookings(db)) == 0


class TestSingleRpcs:
    """The rpcs of clients that know one product a call, and no order."""

    async def test_the_branch_stands_for_the_order(self, service: StockService, db: Database):
        await create(service, stock=10)
        gid = random_gid("unittest")
        call = Call.local({"dtm-gid": gid, "dtm-trans_type": "saga", "dtm-branch_id": "02", "dtm-op": "action"})
        await service.stock_deduct(pb.StockDeductRequest(productID=1, productCount=4), call)
        async with db.engine.begin() as tx:
            found = await tx.exec_driver_sql("SELECT ref FROM stock_ledger WHERE kind = 'order'")
            assert found.scalar_one() == branch("action", gid).reference
        undo = Call.local({**call.metadata, "dtm-op": "compensate"})
        await service.stock_deduct_revert(pb.StockDeductRevertRequest(productID=1, productCount=4), undo)
        assert [delta for _, delta, _ in await bookings(db)] == [10, -4, 4]

    async def test_what_does_not_come_from_dtm_is_no_branch(self, service: StockService):
        with pytest.raises(RpcError, match="DTM transaction"):
            await service.stock_deduct(pb.StockDeductRequest(productID=1, productCount=4), Call.local())


async def test_the_total_counts_rows_that_a_flash_sale_makes_and_that_are_deleted(service, house, db):
    await keep_total(db, "stock")
    await house.set(1, 10)
    await house.set(1, 20)
    row_id = (await service.create(pb.CreateStockRequest(productID=2, stock=3), Call.local())).id
    assert await kept_and_counted(db, "stock") == (2, 2)
    await service.delete_by_id(pb.DeleteStockByIDRequest(id=row_id), Call.local())
    assert await kept_and_counted(db, "stock") == (1, 1)
