from buf.validate import validate_pb2 as _validate_pb2
from eshop_protos.types import types_pb2 as _types_pb2
from google.api import annotations_pb2 as _annotations_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class StockDeductRequest(_message.Message):
    __slots__ = ("productID", "productCount")
    PRODUCTID_FIELD_NUMBER: _ClassVar[int]
    PRODUCTCOUNT_FIELD_NUMBER: _ClassVar[int]
    productID: int
    productCount: int
    def __init__(self, productID: _Optional[int] = ..., productCount: _Optional[int] = ...) -> None: ...

class StockDeductReply(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class StockDeductRevertRequest(_message.Message):
    __slots__ = ("productID", "productCount")
    PRODUCTID_FIELD_NUMBER: _ClassVar[int]
    PRODUCTCOUNT_FIELD_NUMBER: _ClassVar[int]
    productID: int
    productCount: int
    def __init__(self, productID: _Optional[int] = ..., productCount: _Optional[int] = ...) -> None: ...

class StockDeductRevertReply(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class DeductItem(_message.Message):
    __slots__ = ("orderID", "productID", "productCount", "flashTaken", "userID")
    ORDERID_FIELD_NUMBER: _ClassVar[int]
    PRODUCTID_FIELD_NUMBER: _ClassVar[int]
    PRODUCTCOUNT_FIELD_NUMBER: _ClassVar[int]
    FLASHTAKEN_FIELD_NUMBER: _ClassVar[int]
    USERID_FIELD_NUMBER: _ClassVar[int]
    orderID: str
    productID: int
    productCount: int
    flashTaken: bool
    userID: int
    def __init__(self, orderID: _Optional[str] = ..., productID: _Optional[int] = ..., productCount: _Optional[int] = ..., flashTaken: _Optional[bool] = ..., userID: _Optional[int] = ...) -> None: ...

class DeductManyRequest(_message.Message):
    __slots__ = ("items",)
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    items: _containers.RepeatedCompositeFieldContainer[DeductItem]
    def __init__(self, items: _Optional[_Iterable[_Union[DeductItem, _Mapping]]] = ...) -> None: ...

class DeductManyReply(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class SetFlashSaleStockRequest(_message.Message):
    __slots__ = ("productID", "stock", "perUserLimit")
    PRODUCTID_FIELD_NUMBER: _ClassVar[int]
    STOCK_FIELD_NUMBER: _ClassVar[int]
    PERUSERLIMIT_FIELD_NUMBER: _ClassVar[int]
    productID: int
    stock: int
    perUserLimit: int
    def __init__(self, productID: _Optional[int] = ..., stock: _Optional[int] = ..., perUserLimit: _Optional[int] = ...) -> None: ...

class SetFlashSaleStockReply(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class CreateStockRequest(_message.Message):
    __slots__ = ("productID", "stock")
    PRODUCTID_FIELD_NUMBER: _ClassVar[int]
    STOCK_FIELD_NUMBER: _ClassVar[int]
    productID: int
    stock: int
    def __init__(self, productID: _Optional[int] = ..., stock: _Optional[int] = ...) -> None: ...

class CreateStockReply(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: int
    def __init__(self, id: _Optional[int] = ...) -> None: ...

class DeleteStockByIDRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: int
    def __init__(self, id: _Optional[int] = ...) -> None: ...

class DeleteStockByIDReply(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class UpdateStockByIDReply(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetStockByIDRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: int
    def __init__(self, id: _Optional[int] = ...) -> None: ...

class UpdateStockByIDRequest(_message.Message):
    __slots__ = ("id", "productID", "stock")
    ID_FIELD_NUMBER: _ClassVar[int]
    PRODUCTID_FIELD_NUMBER: _ClassVar[int]
    STOCK_FIELD_NUMBER: _ClassVar[int]
    id: int
    productID: int
    stock: int
    def __init__(self, id: _Optional[int] = ..., productID: _Optional[int] = ..., stock: _Optional[int] = ...) -> None: ...

class Stock(_message.Message):
    __slots__ = ("id", "productID", "stock", "createdAt", "updatedAt")
    ID_FIELD_NUMBER: _ClassVar[int]
    PRODUCTID_FIELD_NUMBER: _ClassVar[int]
    STOCK_FIELD_NUMBER: _ClassVar[int]
    CREATEDAT_FIELD_NUMBER: _ClassVar[int]
    UPDATEDAT_FIELD_NUMBER: _ClassVar[int]
    id: int
    productID: int
    stock: int
    createdAt: str
    updatedAt: str
    def __init__(self, id: _Optional[int] = ..., productID: _Optional[int] = ..., stock: _Optional[int] = ..., createdAt: _Optional[str] = ..., updatedAt: _Optional[str] = ...) -> None: ...

class GetStockByIDReply(_message.Message):
    __slots__ = ("stock",)
    STOCK_FIELD_NUMBER: _ClassVar[int]
    stock: Stock
    def __init__(self, stock: _Optional[_Union[Stock, _Mapping]] = ...) -> None: ...

class ListStockRequest(_message.Message):
    __slots__ = ("params",)
    PARAMS_FIELD_NUMBER: _ClassVar[int]
    params: _types_pb2.Params
    def __init__(self, params: _Optional[_Union[_types_pb2.Params, _Mapping]] = ...) -> None: ...

class ListStockReply(_message.Message):
    __slots__ = ("total", "stocks")
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    STOCKS_FIELD_NUMBER: _ClassVar[int]
    total: int
    stocks: _containers.RepeatedCompositeFieldContainer[Stock]
    def __init__(self, total: _Optional[int] = ..., stocks: _Optional[_Iterable[_Union[Stock, _Mapping]]] = ...) -> None: ...
