from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Options(_message.Message):
    __slots__ = ("WaitResult", "TimeoutToFail", "RetryInterval", "BranchHeaders", "RequestTimeout")
    class BranchHeadersEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    WAITRESULT_FIELD_NUMBER: _ClassVar[int]
    TIMEOUTTOFAIL_FIELD_NUMBER: _ClassVar[int]
    RETRYINTERVAL_FIELD_NUMBER: _ClassVar[int]
    BRANCHHEADERS_FIELD_NUMBER: _ClassVar[int]
    REQUESTTIMEOUT_FIELD_NUMBER: _ClassVar[int]
    WaitResult: bool
    TimeoutToFail: int
    RetryInterval: int
    BranchHeaders: _containers.ScalarMap[str, str]
    RequestTimeout: int
    def __init__(self, WaitResult: _Optional[bool] = ..., TimeoutToFail: _Optional[int] = ..., RetryInterval: _Optional[int] = ..., BranchHeaders: _Optional[_Mapping[str, str]] = ..., RequestTimeout: _Optional[int] = ...) -> None: ...

class Request(_message.Message):
    __slots__ = ("Gid", "TransType", "TransOptions", "CustomedData", "BinPayloads", "QueryPrepared", "Steps")
    GID_FIELD_NUMBER: _ClassVar[int]
    TRANSTYPE_FIELD_NUMBER: _ClassVar[int]
    TRANSOPTIONS_FIELD_NUMBER: _ClassVar[int]
    CUSTOMEDDATA_FIELD_NUMBER: _ClassVar[int]
    BINPAYLOADS_FIELD_NUMBER: _ClassVar[int]
    QUERYPREPARED_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    Gid: str
    TransType: str
    TransOptions: Options
    CustomedData: str
    BinPayloads: _containers.RepeatedScalarFieldContainer[bytes]
    QueryPrepared: str
    Steps: str
    def __init__(self, Gid: _Optional[str] = ..., TransType: _Optional[str] = ..., TransOptions: _Optional[_Union[Options, _Mapping]] = ..., CustomedData: _Optional[str] = ..., BinPayloads: _Optional[_Iterable[bytes]] = ..., QueryPrepared: _Optional[str] = ..., Steps: _Optional[str] = ...) -> None: ...

class NewGidReply(_message.Message):
    __slots__ = ("Gid",)
    GID_FIELD_NUMBER: _ClassVar[int]
    Gid: str
    def __init__(self, Gid: _Optional[str] = ...) -> None: ...
