"""The SQL of the product service. Every method is given a transaction and never commits."""

from eshop_chassis.crud import CrudStore, table_of
from eshop_protos.product.v1 import product_pb2

PRODUCT = table_of("product", product_pb2.Product)


class ProductStore(CrudStore[product_pb2.Product]):
    """The catalogue."""

    def __init__(self) -> None:
        super().__init__(PRODUCT, product_pb2.Product, "product")
