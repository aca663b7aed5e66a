"""The HTTP routes of a service, and the short way to those whose path has no parameters."""

from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.routing import compile_path
from starlette.types import ASGIApp, Receive, Scope, Send

from protoc_gen_fastapi.runtime.documenting import extra, responses
from protoc_gen_fastapi.runtime.hooks import Hooks
from protoc_gen_fastapi.runtime.http_endpoint import Endpoint
from protoc_gen_fastapi.runtime.serving import Function, Http, Rpc


class DirectRoute(APIRoute):
    """A route whose endpoint reads the request itself; FastAPI only documents it."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        return self.endpoint


def http_router(tag: str, rpcs: Sequence[tuple[Rpc, Function]], hooks: Hooks) -> APIRouter:
    """The routes of one service; those without parameters in the path come first."""
    router = APIRouter(route_class=DirectRoute)
    found = [(rpc, rpc.http, function) for rpc, function in rpcs if rpc.http is not None]
    for path, verbs in _hidden_by_parameters([http for _, http, _ in found]):
        router.add_route(path, _wrong_verb, methods=verbs, include_in_schema=False)
    for rpc, http, function in sorted(found, key=lambda entry: len(entry[1].path_fields)):
        router.add_api_route(
            http.path,
            Endpoint(rpc, function, hooks),
            methods=[http.verb],
            name=rpc.name,
            tags=[tag],
            summary=rpc.summary,
            description=rpc.description,
            operation_id=rpc.path.strip("/").replace(".", "_").replace("/", "_"),
            response_model=None,
            responses=responses(rpc),
            openapi_extra=extra(rpc),
        )
    return router


async def _wrong_verb(_request: Request) -> Response:
    raise HTTPException(405)


def _hidden_by_parameters(https: Sequence[Http]) -> Iterable[tuple[str, list[str]]]:
    """Paths with the verbs that another path would take by a parameter: GET /stock/list is not GET /stock/{id}."""
    variable = [(compile_path(http.path)[0], http.verb) for http in https if http.path_fields]
    for path in {http.path: None for http in https if not http.path_fields}:
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
    return {key: endpoint for key, endpoint in first.items() if isinstance(endpoint, Endpoint) and "{" not in key[1]}


def allowed_verbs(app: FastAPI, path: str) -> list[str]:
    """The verbs that `path` can be asked with; an exact path hides those with parameters."""
    routes = [r for r in iter_route_contexts(app.routes) if r.methods and r.endpoint is not _wrong_verb]
    exact = [r for r in routes if r.path == path]
    found = {verb for route in exact or routes if exact or _matches(route, path) for verb in route.methods or ()}
    return sorted(found | {"HEAD"} if "GET" in found else found)


def _matches(route: RouteContext, path: str) -> bool:
    pattern = getattr(route, "path_regex", None)
    return pattern is not None and pattern.match(path) is not None
