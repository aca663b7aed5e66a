from buf.validate import validate_pb2 as _validate_pb2
from eshop_protos.types import types_pb2 as _types_pb2
from google.api import annotations_pb2 as _annotations_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class CreateProductRequest(_message.Message):
    __slots__ = ("name", "price", "photo", "description")
    NAME_FIELD_NUMBER: _ClassVar[int]
    PRICE_FIELD_NUMBER: _ClassVar[int]
    PHOTO_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    name: str
    price: int
    photo: str
    description: str
    def __init__(self, name: _Optional[str] = ..., price: _Optional[int] = ..., photo: _Optional[str] = ..., description: _Optional[str] = ...) -> None: ...

class CreateProductReply(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: int
    def __init__(self, id: _Optional[int] = ...) -> None: ...

class DeleteProductByIDRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: int
    def __init__(self, id: _Optional[int] = ...) -> None: ...

class DeleteProductByIDReply(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class UpdateProductByIDReply(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetProductByIDRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: int
    def __init__(self, id: _Optional[int] = ...) -> None: ...

class UpdateProductByIDRequest(_message.Message):
    __slots__ = ("id", "name", "price", "photo", "description")
    ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    PRICE_FIELD_NUMBER: _ClassVar[int]
    PHOTO_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    id: int
    name: str
    price: int
    photo: str
    description: str
    def __init__(self, id: _Optional[int] = ..., name: _Optional[str] = ..., price: _Optional[int] = ..., photo: _Optional[str] = ..., description: _Optional[str] = ...) -> None: ...

class Product(_message.Message):
    __slots__ = ("id", "createdAt", "updatedAt", "name", "price", "photo", "description")
    ID_FIELD_NUMBER: _ClassVar[int]
    CREATEDAT_FIELD_NUMBER: _ClassVar[int]
    UPDATEDAT_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    PRICE_FIELD_NUMBER: _ClassVar[int]
    PHOTO_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    id: int
    createdAt: str
    updatedAt: str
    name: str
    price: int
    photo: str
    description: str
    def __init__(self, id: _Optional[int] = ..., createdAt: _Optional[str] = ..., updatedAt: _Optional[str] = ..., name: _Optional[str] = ..., price: _Optional[int] = ..., photo: _Optional[str] = ..., description: _Optional[str] = ...) -> None: ...

class GetProductByIDReply(_message.Message):
    __slots__ = ("product",)
    PRODUCT_FIELD_NUMBER: _ClassVar[int]
    product: Product
    def __init__(self, product: _Optional[_Union[Product, _Mapping]] = ...) -> None: ...

class ListProductRequest(_message.Message):
    __slots__ = ("params",)
    PARAMS_FIELD_NUMBER: _ClassVar[int]
    params: _types_pb2.Params
    def __init__(self, params: _Optional[_Union[_types_pb2.Params, _Mapping]] = ...) -> None: ...

class ListProductReply(_message.Message):
    __slots__ = ("total", "products")
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    PRODUCTS_FIELD_NUMBER: _ClassVar[int]
    total: int
    products: _containers.RepeatedCompositeFieldContainer[Product]
    def __init__(self, total: _Optional[int] = ..., products: _Optional[_Iterable[_Union[Product, _Mapping]]] = ...) -> None: ...
