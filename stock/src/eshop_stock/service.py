"""The rpcs of the stock service."""

from sqlalchemy.ext.asyncio import AsyncConnection

from eshop_chassis.crud import SharedLists, sent_fields
from eshop_chassis.dtm import Branch, refusals_reply, stored_refusals
from eshop_chassis.mysql import Database
from eshop_protos.stock.v1 import stock_pb2 as pb
from eshop_protos.stock.v1.stock_api import StockApi
from eshop_protos.types import types_pb2
from eshop_stock.deduct import Deduction
from eshop_stock.flash import FlashSales
from eshop_stock.store import StockStore
from eshop_stock.units import Units, shortage
from protoc_gen_fastapi.runtime import Call, Conflict, shares_replies


class StockService(StockApi):
    """Stock rows, the branches that change them, and flash sales."""

    def __init__(self, db: Database, store: StockStore, deduction: Deduction, flash_sales: FlashSales) -> None:
        self._db = db
        self._store = store
        self._lists = SharedLists("stock", db, pb.ListStockReply)
        self._deduction = deduction
        self._flash_sales = flash_sales

    async def stock_deduct(self, request: pb.StockDeductRequest, call: Call) -> pb.StockDeductReply:
        branch = Branch(call)
        await self._deduction.deduct(branch, [_single(branch, request)], call)
        return pb.StockDeductReply()

    async def stock_deduct_revert(self, request: pb.StockDeductRevertRequest, call: Call) -> pb.StockDeductRevertReply:
        branch = Branch(call, undo=True)
        await self._deduction.put_back(branch, [_single(branch, request)], call)
        return pb.StockDeductRevertReply()

    async def deduct_many(self, request: pb.DeductManyRequest, call: Call) -> pb.DeductManyReply:
        await self._deduction.deduct(Branch(call), _many(request), call)
        return pb.DeductManyReply()

    async def deduct_many_revert(self, request: pb.DeductManyRequest, call: Call) -> pb.DeductManyReply:
        await self._deduction.put_back(Branch(call, undo=True), _many(request), call)
        return pb.DeductManyReply()

    async def check_many(self, request: pb.DeductManyRequest, call: Call) -> types_pb2.GetRefusalsReply:
        items = _many(request)
        stocks = await self._db.run(lambda tx: self._store.find(tx, {item.product_id for item in items}))
        refusal = shortage(items, stocks)
        return refusals_reply(refusal.faults if refusal else ())

    async def get_refusals(self, request: types_pb2.GetRefusalsRequest, call: Call) -> types_pb2.GetRefusalsReply:
        return await stored_refusals(self._db, request.gid)

    async def set_flash_sale_stock(self, request: pb.SetFlashSaleStockRequest, call: Call) -> pb.SetFlashSaleStockReply:
        await self._flash_sales.set(request, call)
        return pb.SetFlashSaleStockReply()

    async def create(self, request: pb.CreateStockRequest, call: Call) -> pb.CreateStockReply:
        return pb.CreateStockReply(id=await self._db.run_core(lambda tx: self._create(tx, request)))

    async def delete_by_id(self, request: pb.DeleteStockByIDRequest, call: Call) -> pb.DeleteStockByIDReply:
        await self._db.run_core(lambda tx: self._delete(tx, request.id))
        return pb.DeleteStockByIDReply()

    async def update_by_id(self, request: pb.UpdateStockByIDRequest, call: Call) -> pb.UpdateStockByIDReply:
        await self._db.run_core(lambda tx: self._update(tx, request))
        return pb.UpdateStockByIDReply()

    async def get_by_id(self, request: pb.GetStockByIDRequest, call: Call) -> pb.GetStockByIDReply:
        row = await self._db.run_core(lambda tx: self._store.rows.get(tx, request.id))
        return pb.GetStockByIDReply(stock=self._store.rows.to_message(row))

    @shares_replies
    async def list(self, request: pb.ListStockRequest, call: Call) -> pb.ListStockReply:
        return await self._lists(self._store.rows.list, request.params)

    async def _create(self, tx: AsyncConnection, request: pb.CreateStockRequest) -> int:
        row_id = await self._store.rows.create(tx, {"product_id": request.productID, "stock": request.stock})
        await self._store.write_ledger(tx, request.productID, request.stock, "create")
        return row_id

    async def _update(self, tx: AsyncConnection, request: pb.UpdateStockByIDRequest) -> None:
        row = await self._store.rows.get(tx, request.id, lock=True)
        if request.HasField("productID") and request.productID != row.product_id:
            raise Conflict("productID: a stock row keeps its product; delete it and create another")
        if request.HasField("stock") and request.stock != row.stock:
            if row.flash_version > 0:
                raise Conflict("stock: this product is on flash sale; set its stock with setFlashSale")
            await self._store.write_ledger(tx, row.product_id, request.stock - row.stock, "update")
        await self._store.rows.update(tx, request.id, sent_fields(request))

    async def _delete(self, tx: AsyncConnection, row_id: int) -> None:
        row = await self._store.rows.get(tx, row_id, lock=True)
        if row.flash_version > 0 and row.stock > 0:
            raise Conflict("this product is on flash sale; set its flash-sale stock to 0 first")
        await self._store.write_ledger(tx, row.product_id, -row.stock, "delete")
        await self._store.rows.update(tx, row_id, {"stock": 0})
        await self._store.rows.delete(tx, row_id)


def _single(branch: Branch, request: pb.StockDeductRequest | pb.StockDeductRevertRequest) -> Units:
    """The single rpcs don't know the order: the branch stands for it."""
    return Units(branch.reference, request.productID, request.productCount)


def _many(request: pb.DeductManyRequest) -> list[Units]:
    return [Units(i.orderID, i.productID, i.productCount, i.userID, i.flashTaken) for i in request.items]
