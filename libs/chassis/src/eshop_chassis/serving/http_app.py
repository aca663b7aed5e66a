"""The FastAPI application around the generated routers: health, metrics, Swagger UI and error texts."""

from collections.abc import Sequence
from pathlib import Path

import fastapi_offline
from fastapi import APIRouter, FastAPI, Response
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse, JSONResponse
from fastapi.staticfiles import StaticFiles
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from eshop_chassis.codes import all_codes
from eshop_chassis.readiness import Readiness
from protoc_gen_fastapi.runtime import Hooks, install

SWAGGER_ASSETS = Path(fastapi_offline.__file__).parent / "static"


def build_app(name: str, routers: Sequence[APIRouter], hooks: Hooks, readiness: Readiness) -> FastAPI:
    """Builds the HTTP side of a service: its routes, and those that every service has."""
    app = FastAPI(title=f"eshop {name}", version="1.0.0", docs_url=None, redoc_url=None)
    install(app, hooks)
    for router in routers:
        app.include_router(router)
    app.include_router(_health(name, readiness))
    app.include_router(_about(app))
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


def _about(app: FastAPI) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/metrics")
    async def metrics() -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    @router.get("/codes")
    async def codes() -> Response:
        return JSONResponse(all_codes())

    @router.get("/docs")
    @router.get("/apis/swagger/index.html")
    async def swagger() -> HTMLResponse:
        return get_swagger_ui_html(
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

    return router
