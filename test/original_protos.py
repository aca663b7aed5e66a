"""The messages as the original's clients know them: only the fields that existed then, in a pool of their own."""

import re
from collections.abc import Iterator

from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

# package: message: fields as `number type name`; a type in braces is a message, `*` means a list of it.
_ORIGINAL = {
    "api.types": {
        "Params": "1 int32 page; 2 int32 limit; 3 string sort; 4 {api.types.Column}* columns",
        "Column": "1 string name; 2 string exp; 3 string value; 4 string logic",
    },
    "api.user.v1": {
        "CreateUserRequest": "1 string name; 2 string password; 3 string email; 4 string phone; 5 string avatar;"
        " 6 int32 age; 7 int32 gender; 8 int32 status; 9 uint64 loginAt; 10 int32 loginType",
        "CreateUserReply": "1 uint64 id",
        "UpdateUserByIDRequest": "1 uint64 id; 2 string name; 3 string password; 4 string email; 5 string phone;"
        " 6 string avatar; 7 int32 age; 8 int32 gender; 9 int32 status; 10 uint64 loginAt; 11 int32 loginType",
        "UpdateUserByIDReply": "",
        "User": "1 uint64 id; 2 string createdAt; 3 string updatedAt; 4 string name; 5 string password; 6 string email;"
        " 7 string phone; 8 string avatar; 9 int32 age; 10 int32 gender; 11 int32 status; 12 uint64 loginAt;"
        " 13 int32 loginType",
        "GetUserByIDRequest": "1 uint64 id",
        "GetUserByIDReply": "1 {api.user.v1.User} user",
        "ListUserReply": "1 int64 total; 2 {api.user.v1.User}* users",
    },
    "api.product.v1": {
        "CreateProductRequest": "1 string name; 2 int32 price; 3 string photo; 4 string description",
        "CreateProductReply": "1 uint64 id",
        "Product": "1 uint64 id; 2 string createdAt; 3 string updatedAt; 4 string name; 5 int32 price; 6 string photo;"
        " 7 string description",
        "ListProductReply": "1 int64 total; 2 {api.product.v1.Product}* products",
    },
    "api.stock.v1": {
        "StockDeductRequest": "1 uint64 productID; 2 uint32 productCount",
        "StockDeductReply": "",
        "SetFlashSaleStockRequest": "1 uint64 productID; 2 uint32 stock",
        "SetFlashSaleStockReply": "",
        "CreateStockRequest": "1 uint64 productID; 2 uint32 stock",
        "CreateStockReply": "1 uint64 id",
        "Stock": "1 uint64 id; 2 uint64 productID; 3 uint32 stock; 4 string createdAt; 5 string updatedAt",
        "ListStockRequest": "1 {api.types.Params} params",
        "ListStockReply": "1 int64 total; 2 {api.stock.v1.Stock}* stocks",
    },
    "api.coupon.v1": {
        "CouponUseRequest": "1 uint64 couponID",
        "CouponUseReply": "",
        "CreateCouponRequest": "1 uint64 userID; 2 uint32 amount; 3 uint32 status",
        "CreateCouponReply": "1 uint64 id",
        "Coupon": "1 uint64 id; 2 uint64 userID; 3 uint32 amount; 4 uint32 status; 5 string createdAt;"
        " 6 string updatedAt",
        "ListCouponReply": "1 int64 total; 2 {api.coupon.v1.Coupon}* coupons",
    },
    "api.order.v1": {
        "SubmitOrderRequest": "1 uint64 userID; 2 uint64 productID; 3 uint32 productCount; 4 uint32 amount;"
        " 5 uint64 couponID",
        "SubmitOrderReply": "1 string orderID",
        "SendSubmitOrderNotifyRequest": "1 uint64 userID; 2 uint64 productID; 3 uint32 productCount; 4 uint32 amount;"
        " 5 uint64 couponID",
        "SendSubmitOrderNotifyReply": "",
        "Order": "1 uint64 id; 2 string createdAt; 3 string updatedAt; 4 string orderID; 5 uint64 userID;"
        " 6 uint64 productID; 7 uint32 productCount; 8 uint32 amount; 9 uint64 couponID; 10 uint32 status",
        "ListOrderRequest": "1 {api.types.Params} params",
        "ListOrderReply": "1 int64 total; 2 {api.order.v1.Order}* orders",
    },
    "api.flashSale.v1": {
        "FlashSaleRequest": "1 uint64 userID; 2 uint64 productID; 4 uint32 amount",
        "FlashSaleReply": "",
    },
    "api.eshop_gw.v1": {"PageParam": "1 int32 page; 2 int32 limit"},
}
_FIELD = re.compile(r"(\d+) (?:{([\w.]+)}|(\w+))(\*?) (\w+)")


def original(name: str) -> type[Message]:
    """The class of an original message, by its full name."""
    return GetMessageClass(_POOL.FindMessageTypeByName(name))


def _file(package: str, messages: dict[str, str]) -> FileDescriptorProto:
    others = [] if package == "api.types" else ["original/api.types.proto"]
    file = FileDescriptorProto(name=f"original/{package}.proto", package=package, syntax="proto3", dependency=others)
    for name, fields in messages.items():
        file.message_type.add(name=name).field.extend(_fields(fields))
    return file


def _fields(text: str) -> Iterator[FieldDescriptorProto]:
    for number, message, scalar, repeated, name in _FIELD.findall(text):
        label = FieldDescriptorProto.LABEL_REPEATED if repeated else FieldDescriptorProto.LABEL_OPTIONAL
        field = FieldDescriptorProto(name=name, number=int(number), label=label, json_name=name)
        if message:
            field.type, field.type_name = FieldDescriptorProto.TYPE_MESSAGE, f".{message}"
        else:
            field.type = FieldDescriptorProto.Type.Value(f"TYPE_{scalar.upper()}")
        yield field


def _pool() -> DescriptorPool:
    pool = DescriptorPool()
    for package, messages in _ORIGINAL.items():
        pool.AddSerializedFile(_file(package, messages).SerializeToString())
    return pool


_POOL = _pool()
