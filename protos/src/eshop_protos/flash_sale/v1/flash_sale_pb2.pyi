from buf.validate import validate_pb2 as _validate_pb2
from eshop_protos.types import types_pb2 as _types_pb2
from google.api import annotations_pb2 as _annotations_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class FlashSaleRequest(_message.Message):
    __slots__ = ("userID", "productID", "amount")
    USERID_FIELD_NUMBER: _ClassVar[int]
    PRODUCTID_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    userID: int
    productID: int
    amount: int
    def __init__(self, userID: _Optional[int] = ..., productID: _Optional[int] = ..., amount: _Optional[int] = ...) -> None: ...

class FlashSaleReply(_message.Message):
    __slots__ = ("orderID", "status")
    ORDERID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    orderID: str
    status: str
    def __init__(self, orderID: _Optional[str] = ..., status: _Optional[str] = ...) -> None: ...

class RedisQueryPreparedRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class RedisQueryPreparedReply(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class SendSubmitOrderNotifyRequest(_message.Message):
    __slots__ = ("userID", "productID", "productCount", "amount", "couponID", "orderID", "requestID")
    USERID_FIELD_NUMBER: _ClassVar[int]
    PRODUCTID_FIELD_NUMBER: _ClassVar[int]
    PRODUCTCOUNT_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    COUPONID_FIELD_NUMBER: _ClassVar[int]
    ORDERID_FIELD_NUMBER: _ClassVar[int]
    REQUESTID_FIELD_NUMBER: _ClassVar[int]
    userID: int
    productID: int
    productCount: int
    amount: int
    couponID: int
    orderID: str
    requestID: str
    def __init__(self, userID: _Optional[int] = ..., productID: _Optional[int] = ..., productCount: _Optional[int] = ..., amount: _Optional[int] = ..., couponID: _Optional[int] = ..., orderID: _Optional[str] = ..., requestID: _Optional[str] = ...) -> None: ...

class SendSubmitOrderNotifyReply(_message.Message):
    __slots__ = ("orderID",)
    ORDERID_FIELD_NUMBER: _ClassVar[int]
    orderID: str
    def __init__(self, orderID: _Optional[str] = ...) -> None: ...

class SendSubmitOrderNotifyManyRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class SendSubmitOrderNotifyManyReply(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class TakeItem(_message.Message):
    __slots__ = ("orderID", "userID", "productID", "productCount")
    ORDERID_FIELD_NUMBER: _ClassVar[int]
    USERID_FIELD_NUMBER: _ClassVar[int]
    PRODUCTID_FIELD_NUMBER: _ClassVar[int]
    PRODUCTCOUNT_FIELD_NUMBER: _ClassVar[int]
    orderID: str
    userID: int
    productID: int
    productCount: int
    def __init__(self, orderID: _Optional[str] = ..., userID: _Optional[int] = ..., productID: _Optional[int] = ..., productCount: _Optional[int] = ...) -> None: ...

class TakeManyRequest(_message.Message):
    __slots__ = ("items", "gid", "branchID")
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    GID_FIELD_NUMBER: _ClassVar[int]
    BRANCHID_FIELD_NUMBER: _ClassVar[int]
    items: _containers.RepeatedCompositeFieldContainer[TakeItem]
    gid: str
    branchID: str
    def __init__(self, items: _Optional[_Iterable[_Union[TakeItem, _Mapping]]] = ..., gid: _Optional[str] = ..., branchID: _Optional[str] = ...) -> None: ...

class TakeManyReply(_message.Message):
    __slots__ = ("refusals",)
    REFUSALS_FIELD_NUMBER: _ClassVar[int]
    refusals: _containers.RepeatedCompositeFieldContainer[_types_pb2.Refusal]
    def __init__(self, refusals: _Optional[_Iterable[_Union[_types_pb2.Refusal, _Mapping]]] = ...) -> None: ...

class CloseSaleRequest(_message.Message):
    __slots__ = ("productID", "token")
    PRODUCTID_FIELD_NUMBER: _ClassVar[int]
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    productID: int
    token: str
    def __init__(self, productID: _Optional[int] = ..., token: _Optional[str] = ...) -> None: ...

class CloseSaleReply(_message.Message):
    __slots__ = ("version", "unsettled")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    UNSETTLED_FIELD_NUMBER: _ClassVar[int]
    version: int
    unsettled: _containers.RepeatedCompositeFieldContainer[TakeItem]
    def __init__(self, version: _Optional[int] = ..., unsettled: _Optional[_Iterable[_Union[TakeItem, _Mapping]]] = ...) -> None: ...

class OpenSaleRequest(_message.Message):
    __slots__ = ("productID", "version", "stock", "perUserLimit", "token", "runID", "keepBuyers")
    PRODUCTID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    STOCK_FIELD_NUMBER: _ClassVar[int]
    PERUSERLIMIT_FIELD_NUMBER: _ClassVar[int]
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    RUNID_FIELD_NUMBER: _ClassVar[int]
    KEEPBUYERS_FIELD_NUMBER: _ClassVar[int]
    productID: int
    version: int
    stock: int
    perUserLimit: int
    token: str
    runID: str
    keepBuyers: bool
    def __init__(self, productID: _Optional[int] = ..., version: _Optional[int] = ..., stock: _Optional[int] = ..., perUserLimit: _Optional[int] = ..., token: _Optional[str] = ..., runID: _Optional[str] = ..., keepBuyers: _Optional[bool] = ...) -> None: ...

class GetRunRequest(_message.Message):
    __slots__ = ("queue",)
    QUEUE_FIELD_NUMBER: _ClassVar[int]
    queue: bool
    def __init__(self, queue: _Optional[bool] = ...) -> None: ...

class GetRunReply(_message.Message):
    __slots__ = ("runID", "drained")
    RUNID_FIELD_NUMBER: _ClassVar[int]
    DRAINED_FIELD_NUMBER: _ClassVar[int]
    runID: str
    drained: bool
    def __init__(self, runID: _Optional[str] = ..., drained: _Optional[bool] = ...) -> None: ...

class OpenSaleReply(_message.Message):
    __slots__ = ("version",)
    VERSION_FIELD_NUMBER: _ClassVar[int]
    version: int
    def __init__(self, version: _Optional[int] = ...) -> None: ...

class SettledUnit(_message.Message):
    __slots__ = ("orderID", "productID", "resell")
    ORDERID_FIELD_NUMBER: _ClassVar[int]
    PRODUCTID_FIELD_NUMBER: _ClassVar[int]
    RESELL_FIELD_NUMBER: _ClassVar[int]
    orderID: str
    productID: int
    resell: bool
    def __init__(self, orderID: _Optional[str] = ..., productID: _Optional[int] = ..., resell: _Optional[bool] = ...) -> None: ...

class SettleUnitsRequest(_message.Message):
    __slots__ = ("units",)
    UNITS_FIELD_NUMBER: _ClassVar[int]
    units: _containers.RepeatedCompositeFieldContainer[SettledUnit]
    def __init__(self, units: _Optional[_Iterable[_Union[SettledUnit, _Mapping]]] = ...) -> None: ...

class SettleUnitsReply(_message.Message):
    __slots__ = ("notOnSale",)
    NOTONSALE_FIELD_NUMBER: _ClassVar[int]
    notOnSale: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, notOnSale: _Optional[_Iterable[int]] = ...) -> None: ...

class FlashSaleManyRequest(_message.Message):
    __slots__ = ("buyers", "requestIDs", "idempotencyKeys")
    BUYERS_FIELD_NUMBER: _ClassVar[int]
    REQUESTIDS_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCYKEYS_FIELD_NUMBER: _ClassVar[int]
    buyers: _containers.RepeatedCompositeFieldContainer[FlashSaleRequest]
    requestIDs: _containers.RepeatedScalarFieldContainer[str]
    idempotencyKeys: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, buyers: _Optional[_Iterable[_Union[FlashSaleRequest, _Mapping]]] = ..., requestIDs: _Optional[_Iterable[str]] = ..., idempotencyKeys: _Optional[_Iterable[str]] = ...) -> None: ...

class FlashSaleManyReply(_message.Message):
    __slots__ = ("results",)
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[FlashSaleManyResult]
    def __init__(self, results: _Optional[_Iterable[_Union[FlashSaleManyResult, _Mapping]]] = ...) -> None: ...

class FlashSaleManyResult(_message.Message):
    __slots__ = ("reply", "failure")
    REPLY_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    reply: FlashSaleReply
    failure: _types_pb2.Failure
    def __init__(self, reply: _Optional[_Union[FlashSaleReply, _Mapping]] = ..., failure: _Optional[_Union[_types_pb2.Failure, _Mapping]] = ...) -> None: ...
