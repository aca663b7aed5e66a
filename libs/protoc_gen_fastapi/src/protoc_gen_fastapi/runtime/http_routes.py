"""The HTTP routes of a service, and the short way to those whose path has no parameters."""

from collections.abc import Callable, Coroutine, Iterable, Sequence
from hashlib import sha256
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts
from starlette.convertors import Convertor, register_url_convertor
from starlette.exceptions import HTTPException
from starlette.routing import compile_path
from starlette.types import ASGIApp, Receive, Scope, Send

from protoc_gen_fastapi.paths import REST, Segment, Template
from protoc_gen_fastapi.runtime.documenting import Documentation, Documented, Unserved
from protoc_gen_fastapi.runtime.hooks import Hooks
from protoc_gen_fastapi.runtime.http_endpoint import Endpoint
from protoc_gen_fastapi.runtime.serving import Form, Function, Http, Rpc, Shown


class DirectRoute(APIRoute):
    """A route whose endpoint reads the request itself; FastAPI only documents it."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        return self.endpoint


class _Segments(Convertor[str]):
    """The part of a path that a variable takes, as Starlette wants to be told of it."""

    def __init__(self, regex: str) -> None:
        self.regex = regex  # pyright: ignore[reportAttributeAccessIssue] - a class variable to Starlette

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


def _path_of(template: Template) -> str:
    """The template as a path of Starlette, with a convertor for each pattern."""
    path = ""
    names = iter(template.parameters)
    for number, part in enumerate(template.parts):
        if isinstance(part, Segment) and part.kind == "literal":
            path += "/" + part.text
        elif isinstance(part, Segment) and part.kind == "many":
            path += f"{{_{number}:{_convertor(REST)}}}"
        elif isinstance(part, Segment):
            path += f"/{{_{number}}}"
        else:
            regex = "/".join(segment.pattern for segment in part.segments)
            kind = "" if regex == "[^/]+" else f":{_convertor(regex)}"
            path += f"/{{{next(names)}{kind}}}"
    return (path or "/") + (f":{template.verb}" if template.verb else "")


def _convertor(regex: str) -> str:
    name = f"segments_{sha256(regex.encode()).hexdigest()[:12]}"
    register_url_convertor(name, _Segments(regex))
    return name


def http_router(
    tag: str, shown: Shown, rpcs: Sequence[tuple[Rpc, Function]], hooks: Hooks, form: Form | None = None
) -> APIRouter:
    """The routes of one service; those whose path says more come first."""
    router = APIRouter(route_class=DirectRoute)
    over_grpc = Unserved(tag, tuple(rpc.name for rpc, _ in rpcs if rpc.streams in ("client", "both")))
    found = [(rpc, http, function) for rpc, function in rpcs for http in rpc.routes]
    for path, verbs in _hidden_by_parameters([http for _, http, _ in found]):
        router.add_route(path, _wrong_verb, methods=verbs, include_in_schema=False)
    for rpc, http, function in sorted(found, key=lambda entry: entry[1].template.rank):
        endpoint = Endpoint(rpc, http, function, hooks, Documented(rpc, http, shown, form or Form(), over_grpc))
        router.add_api_route(
            _path_of(http.template),
            endpoint,
            methods=[http.verb],
            name=rpc.name,
            tags=[tag],
            summary=rpc.summary,
            description=rpc.description,
            operation_id=_operation_id(rpc, http),
            response_model=None,
        )
    return router


def _operation_id(rpc: Rpc, http: Http) -> str:
    number = rpc.routes.index(http)
    name = rpc.path.strip("/").replace(".", "_").replace("/", "_")
    return f"{name}_{number + 1}" if number else name


async def _wrong_verb(_request: Request) -> Response:
    raise HTTPException(405)


def _hidden_by_parameters(https: Sequence[Http]) -> Iterable[tuple[str, list[str]]]:
    """Paths with the verbs that another path would take by a parameter: GET /stock/list is not GET /stock/{id}."""
    variable = [(http.template.regex, http.verb) for http in https if not http.template.is_plain]
    for path in {http.path: None for http in https if http.template.is_plain}:
        own = {http.verb for http in https if http.path == path}
        taken = {verb for pattern, verb in variable if pattern.match(path)} - own
        if taken:
            yield path, sorted(taken)


class DirectPaths:
    """Middleware that hands requests to generated endpoints by a look-up in a table.

    FastAPI tries one route after the other, which costs more than all the rest of a small request.
    """

    def __init__(self, app: ASGIApp, owner: FastAPI) -> None:
        self._app = app
        self._owner = owner
        self._count = -1
        self._table: dict[tuple[str, str], Endpoint] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "HEAD":
            scope = {**scope, "method": "GET"}  # the server leaves the body out
        if scope["type"] == "http" and not scope.get("root_path"):
            if len(self._owner.routes) != self._count:
                self._fill()
            endpoint = self._table.get((scope["method"], scope["path"]))
            if endpoint is not None:
                await endpoint.asgi(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _fill(self) -> None:
        self._count = len(self._owner.routes)
        self._table = direct_endpoints(self._owner)


def direct_endpoints(app: FastAPI) -> dict[tuple[str, str], Endpoint]:
    """The generated endpoints without parameters in the path, by (verb, path)."""
    first: dict[tuple[str, str], Any] = {}
    for route in iter_route_contexts(app.routes):
        for verb in route.methods or ():
            first.setdefault((verb, route.path or ""), route.endpoint)
    return {key: found for key, found in first.items() if isinstance(found, Endpoint) and _is_direct(found)}


def _is_direct(endpoint: Endpoint) -> bool:
    return endpoint.http.template.is_plain and not endpoint.streams


def allowed_verbs(app: FastAPI, path: str) -> list[str]:
    """The verbs that `path` can be asked with; an exact path hides those with parameters."""
    routes = [r for r in iter_route_contexts(app.routes) if r.methods and r.endpoint is not _wrong_verb]
    exact = [r for r in routes if r.path == path]
    found = {verb for route in exact or routes if exact or _matches(route, path) for verb in route.methods or ()}
    return sorted(found | {"HEAD"} if "GET" in found else found)


def _matches(route: RouteContext, path: str) -> bool:
    pattern = getattr(route, "path_regex", None)
    return pattern is not None and pattern.match(path) is not None


def add_documentation(app: FastAPI, document: dict[str, Any]) -> None:
    """Adds what generated routes take and answer, and writes their paths as the .proto does."""
    found = [(route, route.endpoint) for route in iter_route_contexts(app.routes)]
    generated = [(route, endpoint) for route, endpoint in found if isinstance(endpoint, Endpoint)]
    documentation = Documentation(endpoint.documented for _, endpoint in generated)
    paths: dict[str, Any] = document.get("paths", {})
    for route, endpoint in generated:
        path = route.path_format or ""
        own = compile_path(_path_of(endpoint.http.template))[1]
        shown = path.removesuffix(own) + endpoint.http.template.shown
        verbs = paths.get(path, {})
        operation = verbs.pop(endpoint.http.verb.lower(), None)
        if operation is not None:
            told = documentation.operation(endpoint.documented)
            paths.setdefault(shown, {})[endpoint.http.verb.lower()] = _with_more(told, operation)
        if not verbs and path != shown:
            paths.pop(path, None)
    unserved = [found for found in dict.fromkeys(e.documented.unserved for _, e in generated) if found.rpcs]
    if unserved:
        document["tags"] = [*document.get("tags", ()), *(found.shown for found in unserved)]
    if documentation.components:
        schemas: dict[str, Any] = document.setdefault("components", {}).setdefault("schemas", {})
        for name in ("HTTPValidationError", "ValidationError"):
            schemas.pop(name, None)  # FastAPI's own answer to a parameter that it would have read
        document["components"]["schemas"] = dict(sorted((schemas | documentation.components).items()))


def _with_more(told: dict[str, Any], operation: dict[str, Any]) -> dict[str, Any]:
    """What is told of a route, with what the application has told FastAPI about it: a header, another answer."""
    parameters = [*told.get("parameters", ()), *operation.get("parameters", ())]
    merged = operation | told | {"responses": {**operation.get("responses", {}), **told["responses"]}}
    return merged | ({"parameters": parameters} if parameters else {})
