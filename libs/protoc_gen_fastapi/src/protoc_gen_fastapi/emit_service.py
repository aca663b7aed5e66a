"""Emits what belongs to services: the typed Protocol, the client, and the tables that both transports serve."""

from protoc_gen_fastapi.model import Message, Method, Service
from protoc_gen_fastapi.names import camel_case, constant_case, module_of, snake_case
from protoc_gen_fastapi.scope import Scope
from protoc_gen_fastapi.writer import quoted


class ServiceEmitter:
    """Emits the one service of a file."""

    def __init__(self, scope: Scope, service: Service) -> None:
        self._scope = scope
        self._out = scope.out
        self._service = service
        self._prefix = camel_case(service.name)

    def interface(self) -> None:
        """Constants, the Protocol and the client: what programs are written against."""
        self._constants()
        self._protocol()
        self._client()

    def tables(self) -> None:
        """What both transports serve; it stands after the messages that it names."""
        for reply in {m.reply.full_name: m.reply for m in self._service.methods if m.route}.values():
            self._envelope(reply)
        for method in self._service.methods:
            self._rpc(method)
        self._server("handlers", "grpc.GenericRpcHandler", "gRPC handlers", "_rt.grpc_handlers(SERVICE_NAME")
        self._server("router", "APIRouter", "HTTP routes", f"_rt.http_router({quoted(self._service.name)}")

    def _path(self, method: Method) -> str:
        return f"/{self._service.full_name}/{method.name}"

    def _constants(self) -> None:
        pb2 = self._out.module(module_of(self._scope.file, "_pb2"))
        out, name = self._out, self._service.name
        define = self._scope.define
        out.line(f"{define('SERVICE_NAME')} = {quoted(self._service.full_name)}")
        out.line(f"{define('DESCRIPTOR')} = {pb2}.DESCRIPTOR.services_by_name[{quoted(name)}]")
        out.blank(1)
        for method in self._service.methods:
            out.line(f"{define(constant_case(method.name))} = {quoted(self._path(method))}")
        out.blank(1)
        out.line(f"{define('IDEMPOTENT')}: tuple[tuple[str, str], ...] = (")
        for method in self._service.methods:
            if method.idempotent:
                out.line(f"    (SERVICE_NAME, {quoted(method.name)}),")
        out.line(")")
        out.line('"""The rpcs without side effects, which may be sent again, as (service, method)."""')

    def _signature(self, method: Method) -> str:
        request, reply = self._scope.proto(method.request), self._scope.proto(method.reply)
        return f"async def {snake_case(method.name)}(self, request: {request}, call: _rt.Call) -> {reply}:"

    def _protocol(self) -> None:
        out = self._out
        out.blank(2)
        out.line(f"class {self._scope.define(f'{self._prefix}Api')}(Protocol):")
        out.docstring(self._service.comment or self._service.name, indent=4)
        for method in self._service.methods:
            out.blank(1)
            out.line(f"    @_rt.rpc({constant_case(method.name)})")
            out.line("    " + self._signature(method))
            out.docstring(method.comment or method.name, indent=8)
            out.line("        raise NotImplementedError")

    def _client(self) -> None:
        out = self._out
        out.blank(2)
        out.line(f"class {self._scope.define(f'{self._prefix}Client')}:")
        out.docstring(f"Calls {self._service.full_name} over a channel. Every method raises RpcError.", indent=4)
        out.blank(1)
        out.line("    def __init__(self, channel: grpc.aio.Channel, timeout: float = 10.0) -> None:")
        out.line("        self._timeout = timeout")
        for method in self._service.methods:
            out.line(f"        self._{snake_case(method.name)} = channel.unary_unary(")
            out.line(f"            {constant_case(method.name)},")
            out.line(f"            request_serializer={self._scope.proto(method.request)}.SerializeToString,")
            out.line(f"            response_deserializer={self._scope.proto(method.reply)}.FromString,")
            out.line("        )")
        for method in self._service.methods:
            out.blank(1)
            out.line(f"    @_rt.rpc({constant_case(method.name)})")
            out.line("    " + self._signature(method))
            out.docstring(method.comment or method.name, indent=8)
            out.line(f"        return await _rt.unary(self._{snake_case(method.name)}, request, call, self._timeout)")

    def _envelope_name(self, reply: Message) -> str:
        return f"{reply.name[:1].upper()}{reply.name[1:]}Envelope"

    def _envelope(self, reply: Message) -> None:
        data = self._scope.emitted(reply, reply.reply_model)
        out = self._out
        out.blank(2)
        out.line(f"class {self._scope.define(self._envelope_name(reply))}(_rt.Reply):")
        out.docstring(reply.comment or reply.name, indent=4)
        out.blank(1)
        out.line('    code: Literal[0] = Field(description="0: done.")')
        out.line('    msg: str = Field(description="ok", examples=["ok"])')
        out.line(f"    data: {data}")

    def _rpc(self, method: Method) -> None:
        emitted, proto = self._scope.emitted, self._scope.proto
        request, reply = method.request, method.reply
        out = self._out
        out.blank(1 if out.after_table else 2)
        out.line(f"_{constant_case(method.name)} = _rt.Rpc(")
        out.line(f"    path={constant_case(method.name)},")
        out.line(f"    name={quoted(method.name)},")
        out.line(f"    request={proto(request)},")
        out.line(f"    reply={proto(reply)},")
        out.line(f"    check={emitted(request, f'check_{request.name}')},")
        if method.route:
            self._route(method)
        out.line(")")
        out.after_table = True

    def _route(self, method: Method) -> None:
        emitted, route = self._scope.emitted, method.route
        assert route is not None  # noqa: S101 - the caller looked
        request, reply = method.request, method.reply
        body = f"{request.name}Body" if request.path_fields and route.path_fields else request.name
        summary = method.comment.partition(". ")[0]
        arguments = f"{quoted(route.verb)}, {quoted(route.path)}, reads_body={route.reads_body}"
        out = self._out
        out.line(f"    model={emitted(request, request.name)},")
        if route.reads_body:
            out.line(f"    body={emitted(request, body)},")
        out.line(f"    encode={emitted(reply, f'encode_{reply.name}')},")
        out.line(f"    envelope={self._envelope_name(reply)},")
        out.line(f"    http=_rt.Http({arguments}, path_fields={_tuple(route.path_fields)}),")
        out.line(f"    summary={quoted((summary or method.name).rstrip('.'))},")
        out.line(f"    description={quoted(method.comment)},")

    def _server(self, kind: str, result: str, what: str, call: str) -> None:
        out = self._out
        out.blank(2)
        name = self._scope.define(f"{snake_case(self._service.name)}_{kind}")
        out.line(f"def {name}(api: {self._prefix}Api, hooks: _rt.Hooks) -> {result}:")
        out.docstring(f"The {what} that are served by `api`.", indent=4)
        out.line(f"    return {call}, (")
        for method in self._service.methods:
            out.line(f"        (_{constant_case(method.name)}, api.{snake_case(method.name)}),")
        out.line("    ), hooks)")


def _tuple(names: tuple[str, ...]) -> str:
    return "(" + "".join(f"{quoted(n)}, " for n in names).rstrip() + ")"
