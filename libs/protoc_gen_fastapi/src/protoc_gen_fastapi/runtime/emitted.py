"""Everything that generated code uses, under one name that no message can hide."""

from protoc_gen_fastapi.known import nanos
from protoc_gen_fastapi.patterns import matches
from protoc_gen_fastapi.runtime.call import Call
from protoc_gen_fastapi.runtime.client import exchanged, sent, streamed, unary
from protoc_gen_fastapi.runtime.formats import (
    has_twins,
    is_address,
    is_email,
    is_finite,
    is_header_name,
    is_header_value,
    is_host_and_port,
    is_hostname,
    is_ip,
    is_ip_prefix,
    is_ip_with_prefix,
    is_ipv4,
    is_ipv4_prefix,
    is_ipv4_with_prefix,
    is_ipv6,
    is_ipv6_prefix,
    is_ipv6_with_prefix,
    is_tuuid,
    is_uri,
    is_uri_ref,
    is_uuid,
    now,
)
from protoc_gen_fastapi.runtime.grpc_side import grpc_handlers
from protoc_gen_fastapi.runtime.hooks import Hooks
from protoc_gen_fastapi.runtime.http_routes import http_router
from protoc_gen_fastapi.runtime.methods import rpc
from protoc_gen_fastapi.runtime.serving import Form, Http, Rpc, Shown, Violation
from protoc_gen_fastapi.runtime.written import as_json, as_key, base64, double, is_written, single

__all__ = [
    "Call",
    "Form",
    "Hooks",
    "Http",
    "Rpc",
    "Shown",
    "Violation",
    "as_json",
    "as_key",
    "base64",
    "double",
    "exchanged",
    "grpc_handlers",
    "has_twins",
    "http_router",
    "is_address",
    "is_email",
    "is_finite",
    "is_header_name",
    "is_header_value",
    "is_host_and_port",
    "is_hostname",
    "is_ip",
    "is_ip_prefix",
    "is_ip_with_prefix",
    "is_ipv4",
    "is_ipv4_prefix",
    "is_ipv4_with_prefix",
    "is_ipv6",
    "is_ipv6_prefix",
    "is_ipv6_with_prefix",
    "is_tuuid",
    "is_uri",
    "is_uri_ref",
    "is_uuid",
    "is_written",
    "matches",
    "nanos",
    "now",
    "rpc",
    "sent",
    "single",
    "streamed",
    "unary",
]
