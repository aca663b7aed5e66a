"""The product service: a catalogue that can be read, changed field by field, and filtered."""

from typing import Any

import pytest

from eshop_chassis.mysql import Database
from eshop_product.service import ProductService
from eshop_product.store import ProductStore
from eshop_protos.product.v1 import product_pb2 as pb
from eshop_protos.types import types_pb2
from protoc_gen_fastapi.runtime import Call, NotFound

pytestmark = pytest.mark.parts
TEAPOT: dict[str, Any] = {
    "name": "Teapot",
    "price": 1999,
    "photo": "https://example.com/t.jpg",
    "description": "Holds a litre",
}


@pytest.fixture
def service(db: Database) -> ProductService:
    return ProductService(db, ProductStore())


async def create(service: ProductService, **values: Any) -> int:
    return (await service.create(pb.CreateProductRequest(**{**TEAPOT, **values}), Call.local())).id


async def get(service: ProductService, product_id: int) -> pb.Product:
    return (await service.get_by_id(pb.GetProductByIDRequest(id=product_id), Call.local())).product


async def names(service: ProductService, **params: Any) -> list[str]:
    wanted: dict[str, Any] = {"page": 0, "limit": 10, **params}
    request = pb.ListProductRequest(params=types_pb2.Params(**wanted))
    return [product.name for product in (await service.list(request, Call.local())).products]


async def test_what_was_created_is_read(service: ProductService):
    product = await get(service, await create(service))
    assert (product.name, product.price, product.photo, product.description) == tuple(TEAPOT.values())


async def test_texts_of_all_languages_are_kept(service: ProductService):
    assert (await get(service, await create(service, name="茶壶 🫖"))).name == "茶壶 🫖"


async def test_an_update_writes_only_what_was_sent(service: ProductService):
    product_id = await create(service)
    await service.update_by_id(pb.UpdateProductByIDRequest(id=product_id, price=0), Call.local())
    product = await get(service, product_id)
    assert (product.name, product.price) == ("Teapot", 0)


async def test_what_is_deleted_is_in_no_list(service: ProductService):
    kept, gone = await create(service, name="kept"), await create(service, name="gone")
    await service.delete_by_id(pb.DeleteProductByIDRequest(id=gone), Call.local())
    assert await names(service) == ["kept"]
    with pytest.raises(NotFound, match=f"product {gone}"):
        await get(service, gone)
    assert (await get(service, kept)).name == "kept"


async def test_lists_come_newest_first_page_by_page(service: ProductService):
    for number in range(5):
        await create(service, name=f"n{number}")
    assert await names(service, limit=2) == ["n4", "n3"]
    assert await names(service, limit=2, page=2) == ["n0"]
    assert await names(service, limit=2, page=3) == []


async def test_lists_can_be_sorted_and_filtered(service: ProductService):
    for name, price in (("cup", 5), ("pot", 20), ("pan", 20), ("can", 7)):
        await create(service, name=name, price=price)
    assert await names(service, sort="-price,name") == ["pan", "pot", "can", "cup"]
    dear = types_pb2.Column(name="price", exp=">", value="6")
    assert await names(service, columns=[dear], sort="name") == ["can", "pan", "pot"]
    with_p = types_pb2.Column(name="name", exp="like", value="p")
    assert await names(service, columns=[dear, with_p], sort="name") == ["pan", "pot"]
