"""What an application needs around the generated routes: errors of the framework itself, in the envelope."""

from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from protoc_gen_fastapi.runtime.call import Call, http_call
from protoc_gen_fastapi.runtime.envelope import error_response
from protoc_gen_fastapi.runtime.errors import Internal, InvalidArgument, RpcError, error_for_http
from protoc_gen_fastapi.runtime.hooks import Hooks
from protoc_gen_fastapi.runtime.http_routes import DirectPaths, add_documentation, allowed_verbs


def install(app: FastAPI, hooks: Hooks) -> None:
    """Makes `app` find generated routes fast, and answer unknown routes, wrong methods and crashes in the envelope."""
    app.add_middleware(DirectPaths, owner=app)
    _document_routes(app)

    def call_of(request: Request) -> Call:
        return http_call(request.scope["headers"], {}, hooks)[0]

    def worded(request: Request, error: RpcError) -> RpcError:
        return hooks.worded(error, call_of(request))

    async def on_http(request: Request, exc: Exception) -> Response:
        assert isinstance(exc, HTTPException)  # noqa: S101 - registered for nothing else
        response = error_response(worded(request, error_for_http(exc.status_code, str(exc.detail))))
        response.status_code = exc.status_code
        response.headers.update(exc.headers or {})
        if exc.status_code == 405:
            response.headers["allow"] = ", ".join(allowed_verbs(app, request.url.path))
        return response

    async def on_validation(request: Request, exc: Exception) -> Response:
        assert isinstance(exc, RequestValidationError)  # noqa: S101 - registered for nothing else
        first = exc.errors()[0]
        field = ".".join(str(part) for part in first["loc"][1:]) or "body"
        return error_response(worded(request, InvalidArgument(field, first["msg"])))

    async def on_crash(request: Request, exc: Exception) -> Response:
        call = call_of(request)
        error = exc if isinstance(exc, RpcError) else hooks.translate(exc) or Internal()
        if isinstance(error, Internal):
            hooks.internal_error(request.url.path, call, exc)
        return error_response(hooks.worded(error, call), call.request_id)

    app.add_exception_handler(HTTPException, on_http)
    app.add_exception_handler(RequestValidationError, on_validation)
    app.add_exception_handler(RpcError, on_crash)
    app.add_exception_handler(Exception, on_crash)


def _document_routes(app: FastAPI) -> None:
    """Adds to the OpenAPI document what generated routes refer to."""
    document = app.openapi
    last: list[dict[str, Any]] = []

    def openapi() -> dict[str, Any]:
        found = document()
        if not last or last[0] is not found:
            last[:] = [found]
            add_documentation(app, found)
        return found

    app.openapi = openapi
