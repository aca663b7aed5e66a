"""The rpcs of the product service."""

from eshop_chassis.crud import SharedLists, sent_fields
from eshop_chassis.mysql import Database
from eshop_product.store import ProductStore
from eshop_protos.product.v1 import product_pb2 as pb
from eshop_protos.product.v1.product_api import ProductApi
from protoc_gen_fastapi.runtime import Call, shares_replies


class ProductService(ProductApi):
    """The catalogue of products."""

    def __init__(self, db: Database, store: ProductStore) -> None:
        self._db = db
        self._store = store
        self._lists = SharedLists("product", db, pb.ListProductReply)

    async def create(self, request: pb.CreateProductRequest, call: Call) -> pb.CreateProductReply:
        return pb.CreateProductReply(
            id=await self._db.run_core(lambda tx: self._store.create(tx, sent_fields(request)))
        )

    async def delete_by_id(self, request: pb.DeleteProductByIDRequest, call: Call) -> pb.DeleteProductByIDReply:
        await self._db.run_core(lambda tx: self._store.delete(tx, request.id))
        return pb.DeleteProductByIDReply()

    async def update_by_id(self, request: pb.UpdateProductByIDRequest, call: Call) -> pb.UpdateProductByIDReply:
        await self._db.run_core(lambda tx: self._store.update(tx, request.id, sent_fields(request)))
        return pb.UpdateProductByIDReply()

    async def get_by_id(self, request: pb.GetProductByIDRequest, call: Call) -> pb.GetProductByIDReply:
        row = await self._db.run_core(lambda tx: self._store.get(tx, request.id))
        return pb.GetProductByIDReply(product=self._store.to_message(row))

    @shares_replies
    async def list(self, request: pb.ListProductRequest, call: Call) -> pb.ListProductReply:
        return await self._lists(self._store.list, request.params)
