"""Everything that generated code uses, under one name that no message can hide."""

from protoc_gen_fastapi.runtime.call import Call
from protoc_gen_fastapi.runtime.client import unary
from protoc_gen_fastapi.runtime.grpc_side import grpc_handlers
from protoc_gen_fastapi.runtime.hooks import Hooks
from protoc_gen_fastapi.runtime.http_routes import http_router
from protoc_gen_fastapi.runtime.methods import rpc
from protoc_gen_fastapi.runtime.serving import Http, Rpc, Violation
from protoc_gen_fastapi.runtime.values import (
    INT32,
    INT64,
    ITEMS,
    NUMBER,
    TEXT,
    TRUTH,
    UINT32,
    UINT64,
    WHOLE_NUMBER,
    Body,
    Reply,
)

__all__ = [
    "INT32",
    "INT64",
    "ITEMS",
    "NUMBER",
    "TEXT",
    "TRUTH",
    "UINT32",
    "UINT64",
    "WHOLE_NUMBER",
    "Body",
    "Call",
    "Hooks",
    "Http",
    "Reply",
    "Rpc",
    "Violation",
    "grpc_handlers",
    "http_router",
    "rpc",
    "unary",
]
