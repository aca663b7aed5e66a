from buf.validate import validate_pb2 as _validate_pb2
from eshop_protos.coupon.v1 import coupon_pb2 as _coupon_pb2
from eshop_protos.flash_sale.v1 import flash_sale_pb2 as _flash_sale_pb2
from eshop_protos.order.v1 import order_pb2 as _order_pb2
from eshop_protos.product.v1 import product_pb2 as _product_pb2
from eshop_protos.stock.v1 import stock_pb2 as _stock_pb2
from eshop_protos.user.v1 import user_pb2 as _user_pb2
from google.api import annotations_pb2 as _annotations_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class PageParam(_message.Message):
    __slots__ = ("page", "limit", "before")
    PAGE_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    BEFORE_FIELD_NUMBER: _ClassVar[int]
    page: int
    limit: int
    before: int
    def __init__(self, page: _Optional[int] = ..., limit: _Optional[int] = ..., before: _Optional[int] = ...) -> None: ...
