"""Compiles a .proto that a test writes, imports what is generated, and serves it over both transports."""

import importlib
import itertools
import json
import re
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import grpc.aio
import httpx
from fastapi import FastAPI
from google.protobuf.compiler import plugin_pb2

from protoc_gen_fastapi.plugin import respond
from protoc_gen_fastapi.runtime import Hooks, install

from .conftest import compile_protos

_NUMBERS = itertools.count()
HEAD = 'syntax = "proto3"; package {package}; import "google/api/annotations.proto";'


def answered(folder: Path, text: str, options: str = "") -> plugin_pb2.CodeGeneratorResponse:
    """What the plugin answers to a .proto, which gets a head where it has none."""
    folder.mkdir(exist_ok=True)
    name = f"case{next(_NUMBERS)}"
    if "syntax" not in text and "edition" not in text:
        text = HEAD.format(package=f"test.{name}") + text
    (folder / f"{name}.proto").write_text(text.replace("PACKAGE", f"test.{name}"))
    request = compile_protos(folder, folder, f"{name}.proto")
    request.parameter = options
    return respond(request)


class Served:
    """One generated module, its API served by `implementation`, and clients of both transports."""

    def __init__(self, api: ModuleType, pb: ModuleType, app: FastAPI, http: httpx.AsyncClient, client: Any) -> None:
        self.api, self.pb, self.app, self.http, self.client = api, pb, app, http, client

    async def data(self, verb: str, path: str, **request: Any) -> Any:
        """The data of an answer that must be a success."""
        response = await self.http.request(verb, path, **request)
        assert response.status_code == 200, response.text
        return response.json()["data"]

    async def refusal(self, verb: str, path: str, **request: Any) -> str:
        """The message of an answer that must be 400."""
        response = await self.http.request(verb, path, **request)
        assert response.status_code == 400, response.text
        return str(response.json()["msg"])


@asynccontextmanager
async def served(
    folder: Path, text: str, make: Callable[[ModuleType], Any], *, options: str = "", service: str = "Things"
) -> AsyncGenerator[Served]:
    """Serves a .proto. `make` is given the _pb2 module and returns the implementation."""
    response = answered(folder, text, options)
    assert response.error == ""
    [file] = response.file
    (folder / file.name).write_text(file.content)
    sys.path.insert(0, str(folder))
    try:
        name = file.name.removesuffix("_api.py")
        pb = importlib.import_module(f"{name}_pb2")
        api = importlib.import_module(f"{name}_api")
    finally:
        sys.path.remove(str(folder))
    snake = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", service).lower()
    implementation, hooks = make(pb), Hooks()
    app = FastAPI()
    install(app, hooks)
    app.include_router(getattr(api, f"{snake}_router")(implementation, hooks))
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((getattr(api, f"{snake}_handlers")(implementation, hooks),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
        httpx.AsyncClient(transport=transport, base_url="http://things") as http,
    ):
        client = getattr(api, f"{service[:1].upper()}{service[1:]}Client")(channel)
        yield Served(api, pb, app, http, client)
    await server.stop(None)


def echo(pb: ModuleType) -> Any:
    """An implementation whose every method answers with its request."""

    class Echo:
        def __getattr__(self, name: str) -> Any:
            async def method(request: Any, _call: Any) -> Any:
                return request

            return method

    return Echo()


def strictly_typed(folder: Path, *names: str) -> str:
    """What pyright says, in strict mode, of generated modules; "" where it finds nothing."""
    # protobuf's own generator writes what strict pyright complains of.
    rules = {"typeCheckingMode": "strict", "reportMissingTypeStubs": False, "ignore": ["*_pb2.py", "*_pb2.pyi"]}
    (folder / "pyrightconfig.json").write_text(json.dumps(rules))
    program = [sys.executable, "-m", "pyright", "--pythonpath", sys.executable, *names]
    done = subprocess.run(program, cwd=folder, capture_output=True, text=True)
    return "" if done.returncode == 0 else done.stdout
