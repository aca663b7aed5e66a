from buf.validate import validate_pb2 as _validate_pb2
from eshop_protos.types import types_pb2 as _types_pb2
from google.api import annotations_pb2 as _annotations_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class CreatePayRequest(_message.Message):
    __slots__ = ("userID", "orderID", "amount")
    USERID_FIELD_NUMBER: _ClassVar[int]
    ORDERID_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    userID: int
    orderID: str
    amount: int
    def __init__(self, userID: _Optional[int] = ..., orderID: _Optional[str] = ..., amount: _Optional[int] = ...) -> None: ...

class CreatePayReply(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: int
    def __init__(self, id: _Optional[int] = ...) -> None: ...

class CreatePayRevertRequest(_message.Message):
    __slots__ = ("userID", "orderID", "amount")
    USERID_FIELD_NUMBER: _ClassVar[int]
    ORDERID_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    userID: int
    orderID: str
    amount: int
    def __init__(self, userID: _Optional[int] = ..., orderID: _Optional[str] = ..., amount: _Optional[int] = ...) -> None: ...

class CreatePayRevertReply(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class CreateManyRequest(_message.Message):
    __slots__ = ("payments",)
    PAYMENTS_FIELD_NUMBER: _ClassVar[int]
    payments: _containers.RepeatedCompositeFieldContainer[CreatePayRequest]
    def __init__(self, payments: _Optional[_Iterable[_Union[CreatePayRequest, _Mapping]]] = ...) -> None: ...

class CreateManyReply(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class DeletePayByIDRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: int
    def __init__(self, id: _Optional[int] = ...) -> None: ...

class DeletePayByIDReply(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class UpdatePayByIDReply(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetPayByIDRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: int
    def __init__(self, id: _Optional[int] = ...) -> None: ...

class UpdatePayByIDRequest(_message.Message):
    __slots__ = ("id", "userID", "orderID", "amount", "status")
    ID_FIELD_NUMBER: _ClassVar[int]
    USERID_FIELD_NUMBER: _ClassVar[int]
    ORDERID_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    id: int
    userID: int
    orderID: str
    amount: int
    status: int
    def __init__(self, id: _Optional[int] = ..., userID: _Optional[int] = ..., orderID: _Optional[str] = ..., amount: _Optional[int] = ..., status: _Optional[int] = ...) -> None: ...

class Pay(_message.Message):
    __slots__ = ("id", "userID", "orderID", "amount", "status", "createdAt", "updatedAt")
    ID_FIELD_NUMBER: _ClassVar[int]
    USERID_FIELD_NUMBER: _ClassVar[int]
    ORDERID_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    CREATEDAT_FIELD_NUMBER: _ClassVar[int]
    UPDATEDAT_FIELD_NUMBER: _ClassVar[int]
    id: int
    userID: int
    orderID: str
    amount: int
    status: int
    createdAt: str
    updatedAt: str
    def __init__(self, id: _Optional[int] = ..., userID: _Optional[int] = ..., orderID: _Optional[str] = ..., amount: _Optional[int] = ..., status: _Optional[int] = ..., createdAt: _Optional[str] = ..., updatedAt: _Optional[str] = ...) -> None: ...

class GetPayByIDReply(_message.Message):
    __slots__ = ("pay",)
    PAY_FIELD_NUMBER: _ClassVar[int]
    pay: Pay
    def __init__(self, pay: _Optional[_Union[Pay, _Mapping]] = ...) -> None: ...

class ListPayRequest(_message.Message):
    __slots__ = ("params",)
    PARAMS_FIELD_NUMBER: _ClassVar[int]
    params: _types_pb2.Params
    def __init__(self, params: _Optional[_Union[_types_pb2.Params, _Mapping]] = ...) -> None: ...

class ListPayReply(_message.Message):
    __slots__ = ("total", "pays")
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    PAYS_FIELD_NUMBER: _ClassVar[int]
    total: int
    pays: _containers.RepeatedCompositeFieldContainer[Pay]
    def __init__(self, total: _Optional[int] = ..., pays: _Optional[_Iterable[_Union[Pay, _Mapping]]] = ...) -> None: ...
