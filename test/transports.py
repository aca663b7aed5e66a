"""One way to call an rpc, two transports behind it: the same test body runs over gRPC and over HTTP."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import grpc
import grpc.aio
import httpx
import pytest
from as_json import as_json
from catalogue import RPCS
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.json_format import ParseDict
from running_stack import SERVICES, RunningStack

DEADLINE = 20.0
ALREADY_EXISTS_CODE = 10005
KINDS = {
    400: "INVALID_ARGUMENT",
    404: "NOT_FOUND",
    409: "ABORTED",
    413: "RESOURCE_EXHAUSTED",
    422: "INVALID_ARGUMENT",
    425: "FAILED_PRECONDITION",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


class CallError(Exception):
    """An rpc answered with an error.

    `kind` is the gRPC code's name on both transports, `code` what the envelope says (HTTP only).
    """

    def __init__(self, kind: str, message: str, code: int = 0, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(f"{kind}: {message}")
        self.kind = kind
        self.message = message
        self.code = code
        self.data = dict(data or {})


def failing(kind: str, naming: str = "") -> "pytest.RaisesExc[CallError]":
    """Expects an error of this kind, whose message names `naming`."""
    return pytest.raises(CallError, check=lambda error: error.kind == kind and naming in error.message)


@dataclass(frozen=True)
class Branch:
    """What DTM tells a branch about itself."""

    gid: str
    op: str = "action"
    branch_id: str = "01"
    trans_type: str = "saga"

    def undo(self) -> "Branch":
        """The compensation of this branch."""
        return Branch(self.gid, "compensate", self.branch_id, self.trans_type)

    @property
    def query(self) -> dict[str, str]:
        """As DTM says it over HTTP."""
        return {"gid": self.gid, "branch_id": self.branch_id, "op": self.op, "trans_type": self.trans_type}

    @property
    def metadata(self) -> list[tuple[str, str]]:
        """As DTM says it over gRPC."""
        return [(f"dtm-{name}", value) for name, value in self.query.items()]


class Transport(Protocol):
    """Calls `service`.`rpc` with `fields`; the reply as JSON. Raises CallError."""

    name: str

    async def __call__(
        self, service: str, rpc: str, branch: Branch | None = None, /, **fields: Any
    ) -> dict[str, Any]: ...


class GrpcTransport:
    """Calls over gRPC, one channel per service."""

    name = "grpc"

    def __init__(self, stack: RunningStack) -> None:
        self._channels = {name: grpc.aio.insecure_channel(stack.grpc(name)) for name in SERVICES}

    async def __call__(self, service: str, rpc: str, branch: Branch | None = None, /, **fields: Any) -> dict[str, Any]:
        found = RPCS[f"{service}.{rpc}"]
        method = self._channels[service].unary_unary(
            found.path,
            request_serializer=found.request.SerializeToString,
            response_deserializer=found.reply.FromString,
        )
        try:
            reply = await method(
                ParseDict(fields, found.request()), metadata=branch.metadata if branch else None, timeout=DEADLINE
            )
        except grpc.aio.AioRpcError as error:
            raise CallError(error.code().name, error.details() or "") from None
        return as_json(reply)

    async def close(self) -> None:
        for channel in self._channels.values():
            await channel.close()


class HttpTransport:
    """Calls over HTTP, by the routes that the protos annotate."""

    name = "http"

    def __init__(self, stack: RunningStack) -> None:
        self._clients = {
            name: httpx.AsyncClient(base_url=stack.url(name), timeout=DEADLINE, trust_env=False) for name in SERVICES
        }

    async def __call__(self, service: str, rpc: str, branch: Branch | None = None, /, **fields: Any) -> dict[str, Any]:
        found = RPCS[f"{service}.{rpc}"]
        in_path = {name: fields.pop(name, "") for name in found.path_fields}
        response = await self._clients[service].request(
            found.verb,
            found.route.format(**in_path),
            params={**(branch.query if branch else {}), **({} if found.has_body else fields)},
            json=fields if found.has_body else None,
        )
        data = _opened(response)
        assert_written_out(found.reply.DESCRIPTOR, data)
        return data

    async def close(self) -> None:
        for client in self._clients.values():
            await client.aclose()


_TYPES = {FieldDescriptor.CPPTYPE_STRING: str, FieldDescriptor.CPPTYPE_BOOL: bool}


def assert_written_out(message: Descriptor, data: dict[str, Any]) -> None:
    """Every field of a reply is there, by its name in the proto: numbers as numbers, zeros and empty lists written."""
    assert set(data) == {field.name for field in message.fields}
    for field in message.fields:
        values = data[field.name]
        if field.is_repeated:
            assert isinstance(values, list), field.full_name
        each: list[Any] = values if field.is_repeated else [values]
        for value in each:
            if field.message_type is None:
                assert type(value) is _TYPES.get(field.cpp_type, int), field.full_name
            elif value is not None:
                assert_written_out(field.message_type, value)


def _opened(response: httpx.Response) -> dict[str, Any]:
    """What is in the envelope, which must be in order."""
    envelope = response.json()
    assert set(envelope) == {"code", "msg", "data"}, response.text
    code, message, data = envelope["code"], envelope["msg"], envelope["data"]
    assert isinstance(code, int)
    assert isinstance(message, str)
    assert isinstance(data, dict)
    if response.status_code == 200:
        assert (code, message) == (0, "ok"), response.text
        return data
    assert code != 0
    kind = "ALREADY_EXISTS" if code == ALREADY_EXISTS_CODE else KINDS[response.status_code]
    raise CallError(kind, message, code, data)
