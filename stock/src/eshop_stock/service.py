"""The rpcs of the stock service."""

from eshop_chassis.dtm import Branch, refusals_reply, stored_refusals
from eshop_chassis.mysql import Transactions
from eshop_protos.stock.v1 import stock_pb2 as pb
from eshop_protos.stock.v1.stock_api import StockApi
from eshop_protos.types import types_pb2
from eshop_stock.book import StockBook
from eshop_stock.crud import StockCrud
from eshop_stock.deduct import Deduction
from eshop_stock.flash import FlashSales
from eshop_stock.units import Units, shortage
from protoc_gen_fastapi.runtime import Call, shares_replies


class StockService(StockApi):
    """Stock rows, the branches that change them, and flash sales."""

    def __init__(
        self, db: Transactions, book: StockBook, crud: StockCrud, deduction: Deduction, flash_sales: FlashSales
    ) -> None:
        self._db = db
        self._book = book
        self._crud = crud
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
        stocks = await self._db.run(lambda tx: self._book.find(tx, {item.product_id for item in items}))
        refusal = shortage(items, stocks)
        return refusals_reply(refusal.faults if refusal else ())

    async def get_refusals(self, request: types_pb2.GetRefusalsRequest, call: Call) -> types_pb2.GetRefusalsReply:
        return await stored_refusals(self._db, request.gid)

    async def set_flash_sale_stock(self, request: pb.SetFlashSaleStockRequest, call: Call) -> pb.SetFlashSaleStockReply:
        await self._flash_sales.set(request, call)
        return pb.SetFlashSaleStockReply()

    async def create(self, request: pb.CreateStockRequest, call: Call) -> pb.CreateStockReply:
        return pb.CreateStockReply(id=await self._crud.create(request))

    async def delete_by_id(self, request: pb.DeleteStockByIDRequest, call: Call) -> pb.DeleteStockByIDReply:
        await self._crud.delete(request.id)
        return pb.DeleteStockByIDReply()

    async def update_by_id(self, request: pb.UpdateStockByIDRequest, call: Call) -> pb.UpdateStockByIDReply:
        await self._crud.update(request)
        return pb.UpdateStockByIDReply()

    async def get_by_id(self, request: pb.GetStockByIDRequest, call: Call) -> pb.GetStockByIDReply:
        return pb.GetStockByIDReply(stock=await self._crud.get(request.id))

    @shares_replies
    async def list(self, request: pb.ListStockRequest, call: Call) -> pb.ListStockReply:
        return await self._crud.list(request.params)


def _single(branch: Branch, request: pb.StockDeductRequest | pb.StockDeductRevertRequest) -> Units:
    """The single rpcs don't know the order: the branch stands for it."""
    return Units(branch.reference, request.productID, request.productCount)


def _many(request: pb.DeductManyRequest) -> list[Units]:
    return [Units(i.orderID, i.productID, i.productCount, i.userID, i.flashTaken) for i in request.items]
