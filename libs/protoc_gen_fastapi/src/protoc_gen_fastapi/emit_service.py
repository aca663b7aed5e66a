"""Emits what belongs to services: the typed Protocol, the client, and the tables that both transports serve."""

from collections.abc import Callable

from google.protobuf.descriptor import Descriptor

from protoc_gen_fastapi.model import File, Method, Route, Service
from protoc_gen_fastapi.names import camel_case, constant_case, module_of, snake_case
from protoc_gen_fastapi.scope import Scope, unique
from protoc_gen_fastapi.writer import quoted

Names = Callable[[Descriptor], str]
"""What a message's check or encoder is called."""
_STUBS = {"": "unary_unary", "server": "unary_stream", "client": "stream_unary", "both": "stream_stream"}
_CALLS = {"": "unary", "server": "streamed", "client": "sent", "both": "exchanged"}


class ServiceEmitter:
    """Emits one service of a file. Where a file has several, the names of each begin with its own."""

    def __init__(self, scope: Scope, file: File, service: Service, form: str) -> None:
        self._scope = scope
        self._out = scope.out
        self._file = file
        self._service = service
        self._form = form
        self._lead = "" if len(file.services) == 1 else f"{constant_case(service.name)}_"
        prefix = camel_case(service.name)
        self._api = scope.define(f"{prefix}Api")
        self._client = scope.define(f"{prefix}Client")
        self._service_name = scope.define(f"{self._lead}SERVICE_NAME")
        self._descriptor = scope.define(f"{self._lead}DESCRIPTOR")
        self._idempotent = scope.define(f"{self._lead}IDEMPOTENT")
        self._functions = unique([snake_case(method.name) for method in service.methods])
        self._constants = [self._constant(method.name) for method in service.methods]

    def _constant(self, method: str) -> str:
        name = self._lead + constant_case(method)
        return self._scope.define(name, lambda count: f"{name}_RPC" if count == 2 else f"{name}_RPC_{count}")

    def interface(self) -> None:
        """Constants, the Protocol and the client: what programs are written against."""
        self._emit_constants()
        self._emit_protocol()
        self._emit_client()

    def tables(self, check: Names, encode: Names) -> None:
        """What both transports serve; it stands after the functions that it names."""
        for method, constant in zip(self._service.methods, self._constants, strict=True):
            self._rpc(method, constant, check, encode)
        self._server("handlers", "grpc.GenericRpcHandler", "gRPC handlers", f"_rt.grpc_handlers({self._service_name}")
        router = f"_rt.http_router({quoted(self._service.name)}, _SHOWN"
        self._server("router", "APIRouter", "HTTP routes", router, self._form)

    def _emit_constants(self) -> None:
        pb2 = self._out.module(module_of(self._scope.file, "_pb2"))
        out, name = self._out, self._service.name
        out.blank(0 if self._file.services[0] is self._service else 2)
        out.line(f"{self._service_name} = {quoted(self._service.full_name)}")
        out.line(f"{self._descriptor} = {pb2}.DESCRIPTOR.services_by_name[{quoted(name)}]")
        out.blank(1)
        for method, constant in zip(self._service.methods, self._constants, strict=True):
            out.line(f"{constant} = {quoted(f'/{self._service.full_name}/{method.name}')}")
        out.blank(1)
        out.line(f"{self._idempotent}: tuple[tuple[str, str], ...] = (")
        for method in self._service.methods:
            if method.idempotent:
                out.line(f"    ({self._service_name}, {quoted(method.name)}),")
        out.line(")")
        out.line('"""The rpcs without side effects, which may be sent again, as (service, method)."""')

    def _signature(self, method: Method, function: str) -> str:
        request, reply = self._scope.proto(method.request.it), self._scope.proto(method.reply.it)
        argument = f"request: {request}"
        if method.streams in ("client", "both"):
            argument = f"requests: AsyncIterator[{request}]"
        if method.streams in ("server", "both"):
            return f"def {function}(self, {argument}, call: _rt.Call) -> AsyncIterator[{reply}]:"
        return f"async def {function}(self, {argument}, call: _rt.Call) -> {reply}:"

    def _emit_protocol(self) -> None:
        out = self._out
        out.blank(2)
        out.line(f"class {self._api}(Protocol):")
        out.docstring(self._service.comment or self._service.name, indent=4)
        for method, constant, function in zip(self._service.methods, self._constants, self._functions, strict=True):
            out.blank(1)
            out.line(f"    @_rt.rpc({constant})")
            out.line("    " + self._signature(method, function))
            out.docstring(method.comment or method.name, indent=8)
            out.line("        raise NotImplementedError")

    def _emit_client(self) -> None:
        out, methods = self._out, self._service.methods
        out.blank(2)
        out.line(f"class {self._client}:")
        out.docstring(f"Calls {self._service.full_name} over a channel. Every method raises RpcError.", indent=4)
        out.blank(1)
        out.line("    def __init__(self, channel: grpc.aio.Channel, timeout: float = 10.0) -> None:")
        out.line("        self._seconds = timeout" if methods else "        pass")
        for method, constant, function in zip(methods, self._constants, self._functions, strict=True):
            out.line(f"        self._call_{function} = channel.{_STUBS[method.streams]}(")
            out.line(f"            {constant},")
            out.line(f"            request_serializer={self._scope.proto(method.request.it)}.SerializeToString,")
            out.line(f"            response_deserializer={self._scope.proto(method.reply.it)}.FromString,")
            out.line("        )")
        for method, constant, function in zip(methods, self._constants, self._functions, strict=True):
            given = "requests" if method.streams in ("client", "both") else "request"
            waits = "" if method.streams in ("server", "both") else "await "
            called = f"_rt.{_CALLS[method.streams]}(self._call_{function}, {given}, call, self._seconds)"
            out.blank(1)
            out.line(f"    @_rt.rpc({constant})")
            out.line("    " + self._signature(method, function))
            out.docstring(method.comment or method.name, indent=8)
            out.line(f"        return {waits}{called}")

    def _rpc(self, method: Method, constant: str, check: Names, encode: Names) -> None:
        proto, out = self._scope.proto, self._out
        out.blank(1 if out.after_table else 2)
        out.line(f"_{constant} = _rt.Rpc(")
        out.line(f"    path={constant},")
        out.line(f"    name={quoted(method.name)},")
        out.line(f"    request={proto(method.request.it)},")
        out.line(f"    reply={proto(method.reply.it)},")
        out.line(f"    check={check(method.request.it)},")
        if method.streams:
            out.line(f"    streams={quoted(method.streams)},")
        if method.routes:
            summary = method.comment.partition(". ")[0]
            out.line(f"    encode={encode(method.reply.it)},")
            out.line(f"    routes=({' '.join(_http(route) + ',' for route in method.routes)}),")
            out.line(f"    summary={quoted((summary or method.name).rstrip('.'))},")
            out.line(f"    description={quoted(method.comment)},")
        out.line(")")
        out.after_table = True

    def _server(self, kind: str, result: str, what: str, call: str, more: str = "") -> None:
        out = self._out
        out.blank(2)
        name = self._scope.define(f"{snake_case(self._service.name)}_{kind}")
        out.line(f"def {name}(api: {self._api}, hooks: _rt.Hooks) -> {result}:")
        out.docstring(f"The {what} that are served by `api`.", indent=4)
        out.line(f"    return {call}, (")
        for constant, function in zip(self._constants, self._functions, strict=True):
            out.line(f"        (_{constant}, api.{function}),")
        out.line(f"    ), hooks{more})")
        out.after_table = False


def _http(route: Route) -> str:
    more = f", body={quoted(route.body)}" if route.body else ""
    more += f", reply={quoted(route.reply)}" if route.reply else ""
    return f"_rt.Http({quoted(route.verb)}, {quoted(route.path)}{more})"
