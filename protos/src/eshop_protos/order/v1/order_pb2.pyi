from buf.validate import validate_pb2 as _validate_pb2
from eshop_protos.types import types_pb2 as _types_pb2
from google.api import annotations_pb2 as _annotations_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class SubmitOrderRequest(_message.Message):
    __slots__ = ("userID", "productID", "productCount", "amount", "couponID")
    USERID_FIELD_NUMBER: _ClassVar[int]
    PRODUCTID_FIELD_NUMBER: _ClassVar[int]
    PRODUCTCOUNT_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    COUPONID_FIELD_NUMBER: _ClassVar[int]
    userID: int
    productID: int
    productCount: int
    amount: int
    couponID: int
    def __init__(self, userID: _Optional[int] = ..., productID: _Optional[int] = ..., productCount: _Optional[int] = ..., amount: _Optional[int] = ..., couponID: _Optional[int] = ...) -> None: ...

class SubmitOrderReply(_message.Message):
    __slots__ = ("orderID", "status")
    ORDERID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    orderID: str
    status: str
    def __init__(self, orderID: _Optional[str] = ..., status: _Optional[str] = ...) -> None: ...

class SendSubmitOrderNotifyRequest(_message.Message):
    __slots__ = ("userID", "productID", "productCount", "amount", "couponID")
    USERID_FIELD_NUMBER: _ClassVar[int]
    PRODUCTID_FIELD_NUMBER: _ClassVar[int]
    PRODUCTCOUNT_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    COUPONID_FIELD_NUMBER: _ClassVar[int]
    userID: int
    productID: int
    productCount: int
    amount: int
    couponID: int
    def __init__(self, userID: _Optional[int] = ..., productID: _Optional[int] = ..., productCount: _Optional[int] = ..., amount: _Optional[int] = ..., couponID: _Optional[int] = ...) -> None: ...

class SendSubmitOrderNotifyReply(_message.Message):
    __slots__ = ("orderID",)
    ORDERID_FIELD_NUMBER: _ClassVar[int]
    orderID: str
    def __init__(self, orderID: _Optional[str] = ...) -> None: ...

class CreateOrderRequest(_message.Message):
    __slots__ = ("orderID", "userID", "productID", "productCount", "amount", "couponID")
    ORDERID_FIELD_NUMBER: _ClassVar[int]
    USERID_FIELD_NUMBER: _ClassVar[int]
    PRODUCTID_FIELD_NUMBER: _ClassVar[int]
    PRODUCTCOUNT_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    COUPONID_FIELD_NUMBER: _ClassVar[int]
    orderID: str
    userID: int
    productID: int
    productCount: int
    amount: int
    couponID: int
    def __init__(self, orderID: _Optional[str] = ..., userID: _Optional[int] = ..., productID: _Optional[int] = ..., productCount: _Optional[int] = ..., amount: _Optional[int] = ..., couponID: _Optional[int] = ...) -> None: ...

class CreateOrderReply(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class CreateOrderRevertRequest(_message.Message):
    __slots__ = ("orderID", "userID", "productID", "productCount", "amount", "couponID")
    ORDERID_FIELD_NUMBER: _ClassVar[int]
    USERID_FIELD_NUMBER: _ClassVar[int]
    PRODUCTID_FIELD_NUMBER: _ClassVar[int]
    PRODUCTCOUNT_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    COUPONID_FIELD_NUMBER: _ClassVar[int]
    orderID: str
    userID: int
    productID: int
    productCount: int
    amount: int
    couponID: int
    def __init__(self, orderID: _Optional[str] = ..., userID: _Optional[int] = ..., productID: _Optional[int] = ..., productCount: _Optional[int] = ..., amount: _Optional[int] = ..., couponID: _Optional[int] = ...) -> None: ...

class CreateOrderRevertReply(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class CreateManyRequest(_message.Message):
    __slots__ = ("orders",)
    ORDERS_FIELD_NUMBER: _ClassVar[int]
    orders: _containers.RepeatedCompositeFieldContainer[CreateOrderRequest]
    def __init__(self, orders: _Optional[_Iterable[_Union[CreateOrderRequest, _Mapping]]] = ...) -> None: ...

class CreateManyReply(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class CreatePayRequest(_message.Message):
    __slots__ = ("userID", "orderID", "amount")
    USERID_FIELD_NUMBER: _ClassVar[int]
    ORDERID_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    userID: int
    orderID: str
    amount: int
    def __init__(self, userID: _Optional[int] = ..., orderID: _Optional[str] = ..., amount: _Optional[int] = ...) -> None: ...

class CouponUseRequest(_message.Message):
    __slots__ = ("couponID",)
    COUPONID_FIELD_NUMBER: _ClassVar[int]
    couponID: int
    def __init__(self, couponID: _Optional[int] = ...) -> None: ...

class StockDeductRequest(_message.Message):
    __slots__ = ("productID", "productCount")
    PRODUCTID_FIELD_NUMBER: _ClassVar[int]
    PRODUCTCOUNT_FIELD_NUMBER: _ClassVar[int]
    productID: int
    productCount: int
    def __init__(self, productID: _Optional[int] = ..., productCount: _Optional[int] = ...) -> None: ...

class DeleteOrderByIDRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: int
    def __init__(self, id: _Optional[int] = ...) -> None: ...

class DeleteOrderByIDReply(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class UpdateOrderByIDReply(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetOrderByIDRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: int
    def __init__(self, id: _Optional[int] = ...) -> None: ...

class UpdateOrderByIDRequest(_message.Message):
    __slots__ = ("id", "orderID", "userID", "productID", "productCount", "amount", "couponID", "status")
    ID_FIELD_NUMBER: _ClassVar[int]
    ORDERID_FIELD_NUMBER: _ClassVar[int]
    USERID_FIELD_NUMBER: _ClassVar[int]
    PRODUCTID_FIELD_NUMBER: _ClassVar[int]
    PRODUCTCOUNT_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    COUPONID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    id: int
    orderID: str
    userID: int
    productID: int
    productCount: int
    amount: int
    couponID: int
    status: int
    def __init__(self, id: _Optional[int] = ..., orderID: _Optional[str] = ..., userID: _Optional[int] = ..., productID: _Optional[int] = ..., productCount: _Optional[int] = ..., amount: _Optional[int] = ..., couponID: _Optional[int] = ..., status: _Optional[int] = ...) -> None: ...

class Order(_message.Message):
    __slots__ = ("id", "createdAt", "updatedAt", "orderID", "userID", "productID", "productCount", "amount", "couponID", "status")
    ID_FIELD_NUMBER: _ClassVar[int]
    CREATEDAT_FIELD_NUMBER: _ClassVar[int]
    UPDATEDAT_FIELD_NUMBER: _ClassVar[int]
    ORDERID_FIELD_NUMBER: _ClassVar[int]
    USERID_FIELD_NUMBER: _ClassVar[int]
    PRODUCTID_FIELD_NUMBER: _ClassVar[int]
    PRODUCTCOUNT_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    COUPONID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    id: int
    createdAt: str
    updatedAt: str
    orderID: str
    userID: int
    productID: int
    productCount: int
    amount: int
    couponID: int
    status: int
    def __init__(self, id: _Optional[int] = ..., createdAt: _Optional[str] = ..., updatedAt: _Optional[str] = ..., orderID: _Optional[str] = ..., userID: _Optional[int] = ..., productID: _Optional[int] = ..., productCount: _Optional[int] = ..., amount: _Optional[int] = ..., couponID: _Optional[int] = ..., status: _Optional[int] = ...) -> None: ...

class GetOrderByIDReply(_message.Message):
    __slots__ = ("order",)
    ORDER_FIELD_NUMBER: _ClassVar[int]
    order: Order
    def __init__(self, order: _Optional[_Union[Order, _Mapping]] = ...) -> None: ...

class ListOrderRequest(_message.Message):
    __slots__ = ("params",)
    PARAMS_FIELD_NUMBER: _ClassVar[int]
    params: _types_pb2.Params
    def __init__(self, params: _Optional[_Union[_types_pb2.Params, _Mapping]] = ...) -> None: ...

class ListOrderReply(_message.Message):
    __slots__ = ("total", "orders")
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    ORDERS_FIELD_NUMBER: _ClassVar[int]
    total: int
    orders: _containers.RepeatedCompositeFieldContainer[Order]
    def __init__(self, total: _Optional[int] = ..., orders: _Optional[_Iterable[_Union[Order, _Mapping]]] = ...) -> None: ...

class GetOutcomeRequest(_message.Message):
    __slots__ = ("orderID",)
    ORDERID_FIELD_NUMBER: _ClassVar[int]
    orderID: str
    def __init__(self, orderID: _Optional[str] = ...) -> None: ...

class GetOutcomeReply(_message.Message):
    __slots__ = ("orderID", "status", "reason", "order", "code")
    ORDERID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    ORDER_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    orderID: str
    status: str
    reason: str
    order: Order
    code: int
    def __init__(self, orderID: _Optional[str] = ..., status: _Optional[str] = ..., reason: _Optional[str] = ..., order: _Optional[_Union[Order, _Mapping]] = ..., code: _Optional[int] = ...) -> None: ...

class SubmitManyRequest(_message.Message):
    __slots__ = ("orders", "requestIDs", "idempotencyKeys")
    ORDERS_FIELD_NUMBER: _ClassVar[int]
    REQUESTIDS_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCYKEYS_FIELD_NUMBER: _ClassVar[int]
    orders: _containers.RepeatedCompositeFieldContainer[SubmitOrderRequest]
    requestIDs: _containers.RepeatedScalarFieldContainer[str]
    idempotencyKeys: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, orders: _Optional[_Iterable[_Union[SubmitOrderRequest, _Mapping]]] = ..., requestIDs: _Optional[_Iterable[str]] = ..., idempotencyKeys: _Optional[_Iterable[str]] = ...) -> None: ...

class SubmitManyReply(_message.Message):
    __slots__ = ("results",)
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[SubmitManyResult]
    def __init__(self, results: _Optional[_Iterable[_Union[SubmitManyResult, _Mapping]]] = ...) -> None: ...

class SubmitManyResult(_message.Message):
    __slots__ = ("reply", "failure")
    REPLY_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    reply: SubmitOrderReply
    failure: _types_pb2.Failure
    def __init__(self, reply: _Optional[_Union[SubmitOrderReply, _Mapping]] = ..., failure: _Optional[_Union[_types_pb2.Failure, _Mapping]] = ...) -> None: ...

class SendSubmitOrderNotifyManyRequest(_message.Message):
    __slots__ = ("orders", "requestIDs", "idempotencyKeys")
    ORDERS_FIELD_NUMBER: _ClassVar[int]
    REQUESTIDS_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCYKEYS_FIELD_NUMBER: _ClassVar[int]
    orders: _containers.RepeatedCompositeFieldContainer[SendSubmitOrderNotifyRequest]
    requestIDs: _containers.RepeatedScalarFieldContainer[str]
    idempotencyKeys: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, orders: _Optional[_Iterable[_Union[SendSubmitOrderNotifyRequest, _Mapping]]] = ..., requestIDs: _Optional[_Iterable[str]] = ..., idempotencyKeys: _Optional[_Iterable[str]] = ...) -> None: ...

class SendSubmitOrderNotifyManyReply(_message.Message):
    __slots__ = ("results",)
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[SendSubmitOrderNotifyManyResult]
    def __init__(self, results: _Optional[_Iterable[_Union[SendSubmitOrderNotifyManyResult, _Mapping]]] = ...) -> None: ...

class SendSubmitOrderNotifyManyResult(_message.Message):
    __slots__ = ("reply", "failure")
    REPLY_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    reply: SendSubmitOrderNotifyReply
    failure: _types_pb2.Failure
    def __init__(self, reply: _Optional[_Union[SendSubmitOrderNotifyReply, _Mapping]] = ..., failure: _Optional[_Union[_types_pb2.Failure, _Mapping]] = ...) -> None: ...

class NoteRunningManyRequest(_message.Message):
    __slots__ = ("orders",)
    ORDERS_FIELD_NUMBER: _ClassVar[int]
    orders: _containers.RepeatedCompositeFieldContainer[CreateOrderRequest]
    def __init__(self, orders: _Optional[_Iterable[_Union[CreateOrderRequest, _Mapping]]] = ...) -> None: ...

class NoteRunningManyReply(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
