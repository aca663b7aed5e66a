"""The CRUD of stock rows: what clients may create, look at, change and delete. Every change is booked."""

from sqlalchemy.ext.asyncio import AsyncConnection

from eshop_chassis.crud import SharedLists, sent_fields
from eshop_chassis.mysql import Database
from eshop_protos.stock.v1 import stock_pb2 as pb
from eshop_protos.types import types_pb2
from eshop_stock.store import StockStore
from protoc_gen_fastapi.runtime import Conflict


class StockCrud:
    """Stock rows, as clients may touch them."""

    def __init__(self, db: Database, store: StockStore) -> None:
        self._db = db
        self._store = store
        self._lists = SharedLists("stock", db, pb.ListStockReply)

    async def create(self, request: pb.CreateStockRequest) -> int:
        return await self._db.run_core(lambda tx: self._create(tx, request))

    async def delete(self, row_id: int) -> None:
        await self._db.run_core(lambda tx: self._delete(tx, row_id))

    async def update(self, request: pb.UpdateStockByIDRequest) -> None:
        await self._db.run_core(lambda tx: self._update(tx, request))

    async def get(self, row_id: int) -> pb.Stock:
        return self._store.rows.to_message(await self._db.run_core(lambda tx: self._store.rows.get(tx, row_id)))

    async def list(self, params: types_pb2.Params) -> pb.ListStockReply:
        return await self._lists(self._store.rows.list, params)

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
