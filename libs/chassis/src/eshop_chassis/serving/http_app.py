"""The FastAPI application around the generated routers: health, metrics, Swagger UI and error texts."""

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import fastapi_offline
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse, JSONResponse
from fastapi.staticfiles import StaticFiles
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from eshop_chassis.hooks import ChassisHooks
from eshop_chassis.readiness import Readiness
from eshop_chassis.vocabulary import Vocabulary
from protoc_gen_fastapi.runtime import ACCEPT_TEXT, install, known_codes, preferred

SWAGGER_ASSETS = Path(fastapi_offline.__file__).parent / "static"
_BEGIN = "SwaggerUIBundle({"
# The page reads and shows answers with JavaScript's numbers, which are exact up to 2**53 only.
_ASKS_FOR_TEXT = (
    "requestInterceptor: (request) => "
    f'{{ if (!request.loadSpec) request.headers.accept = "{ACCEPT_TEXT}"; return request; }},'
)
_ABOUT = (
    "64-bit integers are JSON numbers in answers, or strings where a request has "
    f"`Accept: {ACCEPT_TEXT}`, as those of this page have: JavaScript rounds numbers above 2^53. "
    "Requests may have either."
)


def build_app(name: str, routers: Sequence[APIRouter], hooks: ChassisHooks, readiness: Readiness) -> FastAPI:
    """Builds the HTTP side of a service: its routes, and those that every service has."""
    app = FastAPI(
        title=f"eshop {name}",
        version=version("eshop-chassis"),
        description=_ABOUT,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    install(app, hooks)
    for router in routers:
        app.include_router(router)
    app.include_router(_health(name, readiness))
    app.include_router(_about(app, hooks))
    app.mount("/apis/swagger/assets", StaticFiles(directory=SWAGGER_ASSETS))
    return app


def _health(name: str, readiness: Readiness) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/health")
    async def health() -> Response:
        status = "UP" if readiness.ready else "DOWN"
        body = {"status": status, "service": name, "missing": readiness.missing}
        return JSONResponse(body, 200 if readiness.ready else 503)

    @router.get("/livez")
    async def livez() -> Response:
        return JSONResponse({"status": "UP"})

    @router.get("/readyz")
    async def readyz() -> Response:
        missing = {**readiness.missing, **readiness.neglected}
        if readiness.ready and not missing:
            return JSONResponse({"status": "ready"})
        status = "draining" if readiness.draining else "not ready"
        return JSONResponse({"status": status, "missing": missing}, 503)

    @router.get("/ping")
    async def ping() -> Response:
        return JSONResponse({"msg": "pong"})

    return router


def _about(app: FastAPI, hooks: ChassisHooks) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/metrics")
    async def metrics() -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    @router.get("/codes")
    async def codes(request: Request) -> Response:
        return JSONResponse(_codes(hooks.vocabulary, request.headers.get("accept-language", "")))

    @router.get("/docs")
    @router.get("/apis/swagger/index.html")
    async def swagger() -> HTMLResponse:
        page = get_swagger_ui_html(
            openapi_url="/openapi.json",
            title=app.title,
            swagger_js_url="/apis/swagger/assets/swagger-ui-bundle.js",
            swagger_css_url="/apis/swagger/assets/swagger-ui.css",
            swagger_favicon_url="/apis/swagger/assets/favicon.png",
            swagger_ui_parameters={
                "docExpansion": "list",
                "tryItOutEnabled": True,
                "displayRequestDuration": True,
                "validatorUrl": None,  # by default the page asks validator.swagger.io about the document
            },
        )
        return HTMLResponse(bytes(page.body).decode().replace(_BEGIN, _BEGIN + _ASKS_FOR_TEXT, 1))

    return router


def _codes(vocabulary: Vocabulary | None, accepted: str) -> list[dict[str, int | str]]:
    """Every envelope code that may be answered, and what it means in the caller's language."""
    if vocabulary is None:
        return known_codes()
    language = preferred(accepted, vocabulary.languages)
    listed = [*known_codes(), *({"code": code, "msg": msg} for code, msg in vocabulary.meanings.items())]
    return [{"code": entry["code"], "msg": vocabulary.text_in(language, str(entry["msg"]))} for entry in listed]
