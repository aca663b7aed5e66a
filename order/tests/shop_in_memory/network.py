"""gRPC without sockets: the generated clients and handlers, and only bytes between them."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import grpc
import grpc.aio
from google.protobuf.descriptor import ServiceDescriptor

from aiodtm import BranchRefused, BranchRunning
from aiodtm.testing import InMemoryDtm
from eshop_chassis import ChassisHooks, ServiceSettings
from protoc_gen_fastapi.runtime import Call

Pairs = tuple[tuple[str, str | bytes], ...]


class Hooks(ChassisHooks):
    """The chassis's hooks; `surprises` collects the errors that nobody foresaw."""

    def __init__(self) -> None:
        super().__init__(ServiceSettings())
        self.surprises: list[BaseException] = []

    def internal_error(self, method: str, call: Call, exc: BaseException) -> None:
        self.surprises.append(exc)


@dataclass
class Network:
    """Servers by address. Those named in `down` don't answer; `calls` lists what came, as address/service/Rpc."""

    hooks: Hooks = field(default_factory=Hooks)
    down: set[str] = field(default_factory=set)
    calls: list[str] = field(default_factory=list)
    _servers: dict[str, grpc.GenericRpcHandler] = field(default_factory=dict)
    _failing: set[str] = field(default_factory=set)

    def serve(self, address: str, handlers: grpc.GenericRpcHandler) -> None:
        self._servers[address] = handlers

    def fail(self, address: str, rpc: str) -> None:
        """Lets one rpc at `address` answer nothing but UNAVAILABLE, until `heal`."""
        self._failing.add(f"{address} {rpc}")

    def heal(self) -> None:
        self._failing.clear()
        self.down.clear()

    def channel(self, address: str) -> Any:
        """Stands in for a grpc.aio.Channel."""
        return _Channel(self, address)

    def open_to(self, dtm: InMemoryDtm, address: str, service: ServiceDescriptor) -> None:
        """Lets a DTM call every rpc of `service` at `address`."""
        for method in service.methods:
            path = f"/{service.full_name}/{method.name}"
            dtm.branch(address + path, self.branch(address, path))

    async def call(self, address: str, path: str, payload: bytes, metadata: Pairs, limit: float | None) -> bytes:
        """One unary call. Raises AioRpcError."""
        await asyncio.sleep(0)
        failing = f"{address} {path.rpartition('/')[2]}" in self._failing
        if failing or address in self.down or address not in self._servers:
            raise _error(grpc.StatusCode.UNAVAILABLE, f"{address} is down", ())
        self.calls.append(address + path)
        details: Any = _Details(path, metadata)
        handler: Any = self._servers[address].service(details)
        if handler is None:
            raise _error(grpc.StatusCode.UNIMPLEMENTED, path, ())
        reply = await handler.unary_unary(handler.request_deserializer(payload), _Context(metadata, limit))
        await asyncio.sleep(0)
        return handler.response_serializer(reply)

    def branch(self, address: str, path: str) -> Callable[[bytes, Mapping[str, str]], Any]:
        """An rpc as a DTM in memory calls it."""

        async def branch(payload: bytes, metadata: Mapping[str, str]) -> None:
            try:
                await self.call(address, path, payload, tuple(metadata.items()), None)
            except grpc.aio.AioRpcError as error:
                if error.code() is grpc.StatusCode.ABORTED:
                    raise BranchRefused(error.details() or "") from error
                if error.code() is grpc.StatusCode.FAILED_PRECONDITION:
                    raise BranchRunning from error
                raise

        return branch


@dataclass(frozen=True)
class _Channel:
    network: Network
    address: str

    def unary_unary(self, path: str, *, request_serializer: Any, response_deserializer: Any) -> Any:
        async def stub(request: Any, *, timeout: float | None = None, metadata: Pairs = ()) -> Any:  # noqa: ASYNC109 - gRPC's name
            payload = request_serializer(request)
            return response_deserializer(await self.network.call(self.address, path, payload, metadata, timeout))

        return stub


@dataclass(frozen=True)
class _Details:
    method: str
    invocation_metadata: Pairs


@dataclass(frozen=True)
class _Context:
    metadata: Pairs
    limit: float | None

    def invocation_metadata(self) -> Pairs:
        return self.metadata

    def time_remaining(self) -> float | None:
        return self.limit

    async def abort(self, code: grpc.StatusCode, details: str = "", trailing_metadata: Pairs = ()) -> None:
        raise _error(code, details, trailing_metadata)


def _error(code: grpc.StatusCode, details: str, trailing: Pairs) -> grpc.aio.AioRpcError:
    return grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata(*trailing), details)
