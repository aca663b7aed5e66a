from buf.validate import validate_pb2 as _validate_pb2
from eshop_protos.types import types_pb2 as _types_pb2
from google.api import annotations_pb2 as _annotations_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class CouponUseRequest(_message.Message):
    __slots__ = ("couponID", "userID", "orderID")
    COUPONID_FIELD_NUMBER: _ClassVar[int]
    USERID_FIELD_NUMBER: _ClassVar[int]
    ORDERID_FIELD_NUMBER: _ClassVar[int]
    couponID: int
    userID: int
    orderID: str
    def __init__(self, couponID: _Optional[int] = ..., userID: _Optional[int] = ..., orderID: _Optional[str] = ...) -> None: ...

class CouponUseReply(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class couponUseRevertRequest(_message.Message):
    __slots__ = ("couponID", "userID", "orderID")
    COUPONID_FIELD_NUMBER: _ClassVar[int]
    USERID_FIELD_NUMBER: _ClassVar[int]
    ORDERID_FIELD_NUMBER: _ClassVar[int]
    couponID: int
    userID: int
    orderID: str
    def __init__(self, couponID: _Optional[int] = ..., userID: _Optional[int] = ..., orderID: _Optional[str] = ...) -> None: ...

class couponUseRevertReply(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class UseManyRequest(_message.Message):
    __slots__ = ("coupons",)
    COUPONS_FIELD_NUMBER: _ClassVar[int]
    coupons: _containers.RepeatedCompositeFieldContainer[CouponUseRequest]
    def __init__(self, coupons: _Optional[_Iterable[_Union[CouponUseRequest, _Mapping]]] = ...) -> None: ...

class UseManyReply(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class CreateCouponRequest(_message.Message):
    __slots__ = ("userID", "amount", "status")
    USERID_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    userID: int
    amount: int
    status: int
    def __init__(self, userID: _Optional[int] = ..., amount: _Optional[int] = ..., status: _Optional[int] = ...) -> None: ...

class CreateCouponReply(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: int
    def __init__(self, id: _Optional[int] = ...) -> None: ...

class DeleteCouponByIDRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: int
    def __init__(self, id: _Optional[int] = ...) -> None: ...

class DeleteCouponByIDReply(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class UpdateCouponByIDReply(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetCouponByIDRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: int
    def __init__(self, id: _Optional[int] = ...) -> None: ...

class UpdateCouponByIDRequest(_message.Message):
    __slots__ = ("id", "userID", "amount", "status")
    ID_FIELD_NUMBER: _ClassVar[int]
    USERID_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    id: int
    userID: int
    amount: int
    status: int
    def __init__(self, id: _Optional[int] = ..., userID: _Optional[int] = ..., amount: _Optional[int] = ..., status: _Optional[int] = ...) -> None: ...

class Coupon(_message.Message):
    __slots__ = ("id", "userID", "amount", "status", "createdAt", "updatedAt")
    ID_FIELD_NUMBER: _ClassVar[int]
    USERID_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    CREATEDAT_FIELD_NUMBER: _ClassVar[int]
    UPDATEDAT_FIELD_NUMBER: _ClassVar[int]
    id: int
    userID: int
    amount: int
    status: int
    createdAt: str
    updatedAt: str
    def __init__(self, id: _Optional[int] = ..., userID: _Optional[int] = ..., amount: _Optional[int] = ..., status: _Optional[int] = ..., createdAt: _Optional[str] = ..., updatedAt: _Optional[str] = ...) -> None: ...

class GetCouponByIDReply(_message.Message):
    __slots__ = ("coupon",)
    COUPON_FIELD_NUMBER: _ClassVar[int]
    coupon: Coupon
    def __init__(self, coupon: _Optional[_Union[Coupon, _Mapping]] = ...) -> None: ...

class ListCouponRequest(_message.Message):
    __slots__ = ("params",)
    PARAMS_FIELD_NUMBER: _ClassVar[int]
    params: _types_pb2.Params
    def __init__(self, params: _Optional[_Union[_types_pb2.Params, _Mapping]] = ...) -> None: ...

class ListCouponReply(_message.Message):
    __slots__ = ("total", "coupons")
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    COUPONS_FIELD_NUMBER: _ClassVar[int]
    total: int
    coupons: _containers.RepeatedCompositeFieldContainer[Coupon]
    def __init__(self, total: _Optional[int] = ..., coupons: _Optional[_Iterable[_Union[Coupon, _Mapping]]] = ...) -> None: ...
