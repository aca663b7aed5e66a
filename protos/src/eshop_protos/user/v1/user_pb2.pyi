from buf.validate import validate_pb2 as _validate_pb2
from eshop_protos.types import types_pb2 as _types_pb2
from google.api import annotations_pb2 as _annotations_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class CreateUserRequest(_message.Message):
    __slots__ = ("name", "password", "email", "phone", "avatar", "age", "gender", "status", "loginAt", "loginType")
    NAME_FIELD_NUMBER: _ClassVar[int]
    PASSWORD_FIELD_NUMBER: _ClassVar[int]
    EMAIL_FIELD_NUMBER: _ClassVar[int]
    PHONE_FIELD_NUMBER: _ClassVar[int]
    AVATAR_FIELD_NUMBER: _ClassVar[int]
    AGE_FIELD_NUMBER: _ClassVar[int]
    GENDER_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    LOGINAT_FIELD_NUMBER: _ClassVar[int]
    LOGINTYPE_FIELD_NUMBER: _ClassVar[int]
    name: str
    password: str
    email: str
    phone: str
    avatar: str
    age: int
    gender: int
    status: int
    loginAt: int
    loginType: int
    def __init__(self, name: _Optional[str] = ..., password: _Optional[str] = ..., email: _Optional[str] = ..., phone: _Optional[str] = ..., avatar: _Optional[str] = ..., age: _Optional[int] = ..., gender: _Optional[int] = ..., status: _Optional[int] = ..., loginAt: _Optional[int] = ..., loginType: _Optional[int] = ...) -> None: ...

class CreateUserReply(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: int
    def __init__(self, id: _Optional[int] = ...) -> None: ...

class DeleteUserByIDRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: int
    def __init__(self, id: _Optional[int] = ...) -> None: ...

class DeleteUserByIDReply(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class UpdateUserByIDReply(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetUserByIDRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: int
    def __init__(self, id: _Optional[int] = ...) -> None: ...

class UpdateUserByIDRequest(_message.Message):
    __slots__ = ("id", "name", "password", "email", "phone", "avatar", "age", "gender", "status", "loginAt", "loginType")
    ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    PASSWORD_FIELD_NUMBER: _ClassVar[int]
    EMAIL_FIELD_NUMBER: _ClassVar[int]
    PHONE_FIELD_NUMBER: _ClassVar[int]
    AVATAR_FIELD_NUMBER: _ClassVar[int]
    AGE_FIELD_NUMBER: _ClassVar[int]
    GENDER_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    LOGINAT_FIELD_NUMBER: _ClassVar[int]
    LOGINTYPE_FIELD_NUMBER: _ClassVar[int]
    id: int
    name: str
    password: str
    email: str
    phone: str
    avatar: str
    age: int
    gender: int
    status: int
    loginAt: int
    loginType: int
    def __init__(self, id: _Optional[int] = ..., name: _Optional[str] = ..., password: _Optional[str] = ..., email: _Optional[str] = ..., phone: _Optional[str] = ..., avatar: _Optional[str] = ..., age: _Optional[int] = ..., gender: _Optional[int] = ..., status: _Optional[int] = ..., loginAt: _Optional[int] = ..., loginType: _Optional[int] = ...) -> None: ...

class User(_message.Message):
    __slots__ = ("id", "createdAt", "updatedAt", "name", "password", "email", "phone", "avatar", "age", "gender", "status", "loginAt", "loginType")
    ID_FIELD_NUMBER: _ClassVar[int]
    CREATEDAT_FIELD_NUMBER: _ClassVar[int]
    UPDATEDAT_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    PASSWORD_FIELD_NUMBER: _ClassVar[int]
    EMAIL_FIELD_NUMBER: _ClassVar[int]
    PHONE_FIELD_NUMBER: _ClassVar[int]
    AVATAR_FIELD_NUMBER: _ClassVar[int]
    AGE_FIELD_NUMBER: _ClassVar[int]
    GENDER_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    LOGINAT_FIELD_NUMBER: _ClassVar[int]
    LOGINTYPE_FIELD_NUMBER: _ClassVar[int]
    id: int
    createdAt: str
    updatedAt: str
    name: str
    password: str
    email: str
    phone: str
    avatar: str
    age: int
    gender: int
    status: int
    loginAt: int
    loginType: int
    def __init__(self, id: _Optional[int] = ..., createdAt: _Optional[str] = ..., updatedAt: _Optional[str] = ..., name: _Optional[str] = ..., password: _Optional[str] = ..., email: _Optional[str] = ..., phone: _Optional[str] = ..., avatar: _Optional[str] = ..., age: _Optional[int] = ..., gender: _Optional[int] = ..., status: _Optional[int] = ..., loginAt: _Optional[int] = ..., loginType: _Optional[int] = ...) -> None: ...

class GetUserByIDReply(_message.Message):
    __slots__ = ("user",)
    USER_FIELD_NUMBER: _ClassVar[int]
    user: User
    def __init__(self, user: _Optional[_Union[User, _Mapping]] = ...) -> None: ...

class ListUserRequest(_message.Message):
    __slots__ = ("params",)
    PARAMS_FIELD_NUMBER: _ClassVar[int]
    params: _types_pb2.Params
    def __init__(self, params: _Optional[_Union[_types_pb2.Params, _Mapping]] = ...) -> None: ...

class ListUserReply(_message.Message):
    __slots__ = ("total", "users")
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    USERS_FIELD_NUMBER: _ClassVar[int]
    total: int
    users: _containers.RepeatedCompositeFieldContainer[User]
    def __init__(self, total: _Optional[int] = ..., users: _Optional[_Iterable[_Union[User, _Mapping]]] = ...) -> None: ...
