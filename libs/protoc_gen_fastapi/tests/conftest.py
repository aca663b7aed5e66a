"""Compiles the example protos, and serves the example API over both transports."""

import importlib
import sys
from collections.abc import AsyncIterator, Iterator
from importlib.resources import files
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import grpc
import grpc.aio
import httpx
import pytest
from fastapi import FastAPI
from google.protobuf import descriptor_pb2
from google.protobuf.compiler import plugin_pb2
from grpc_tools import protoc

from protoc_gen_fastapi.plugin import respond
from protoc_gen_fastapi.runtime import Call, Hooks, RpcError, install

HERE = Path(__file__).resolve().parent
EXAMPLE = HERE / "example"
THIRD_PARTY = HERE.parents[2] / "protos" / "third_party"
OLD_RULES = HERE / "pgv"
WELL_KNOWN = files("grpc_tools") / "_proto"


def compile_protos(root: Path, folder: Path, *names: str) -> plugin_pb2.CodeGeneratorRequest:
    """What protoc would send to the plugin for these files; their _pb2 modules are written to `folder`."""
    folder.mkdir(exist_ok=True)
    arguments = [f"--proto_path={path}" for path in dict.fromkeys((root, THIRD_PARTY, OLD_RULES, WELL_KNOWN))]
    arguments += [f"--descriptor_set_out={folder}/all.pb", "--include_imports", "--include_source_info"]
    assert protoc.main(["protoc", *arguments, f"--python_out={folder}", f"--pyi_out={folder}", *names]) == 0
    protos = descriptor_pb2.FileDescriptorSet.FromString((folder / "all.pb").read_bytes())
    return plugin_pb2.CodeGeneratorRequest(file_to_generate=names, proto_file=protos.file)


@pytest.fixture(scope="session")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder with all code generated from the example; it can be imported from."""
    folder = tmp_path_factory.mktemp("generated")
    response = respond(compile_protos(EXAMPLE, folder, "zoo/v1/food.proto", "zoo/v1/zoo.proto"))
    assert response.error == ""
    for file in response.file:
        (folder / file.name).write_text(file.content)
    sys.path.insert(0, str(folder))
    yield folder
    sys.path.remove(str(folder))


@pytest.fixture(scope="session")
def pb(generated: Path) -> ModuleType:
    return importlib.import_module("zoo.v1.zoo_pb2")


@pytest.fixture(scope="session")
def api(generated: Path, pb: ModuleType) -> ModuleType:
    # buf.validate is imported by the _pb2 modules; any distribution may bring it.
    return importlib.import_module("zoo.v1.zoo_api")


class Zoo:
    """Answers with what a test put there: a reply, an error, or a function of (request, call)."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}
        self.requests: list[Any] = []
        self.calls: list[Call] = []

    def __getattr__(self, name: str) -> Any:
        async def method(request: Any, call: Call) -> Any:
            self.requests.append(request)
            self.calls.append(call)
            answer = self.answers[name]
            if isinstance(answer, BaseException):
                raise answer
            return await cast("Any", answer)(request, call) if callable(answer) else answer

        return method


class Recorder(Hooks):
    """Hooks that remember what they were told."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []
        self.internal: list[BaseException] = []
        self.foreign: dict[type, RpcError] = {}

    def started(self, method: str, call: Call) -> None:
        self.told.append(("started", method, call.transport))

    def finished(self, method: str, call: Call, status: str, seconds: float) -> None:
        assert seconds >= 0
        self.told.append(("finished", method, call.transport, status))

    def internal_error(self, method: str, call: Call, exc: BaseException) -> None:
        self.internal.append(exc)

    def translate(self, exc: BaseException) -> RpcError | None:
        return self.foreign.get(type(exc))


@pytest.fixture
def zoo(pb: ModuleType) -> Zoo:
    zoo = Zoo()
    zoo.answers = {
        "buy_animal": pb.BuyAnimalReply(id=1),
        "update_by_id": pb.UpdateByIDReply(),
        "find": pb.FindReply(total=1),
        "count": pb.FindReply(total=2),
        "show": pb.FindReply(total=3),
        "hours": pb.FindReply(total=4),
        "sweep": pb.SweepReply(),
    }
    return zoo


@pytest.fixture
def hooks() -> Recorder:
    return Recorder()


@pytest.fixture
async def channel(api: ModuleType, zoo: Zoo, hooks: Recorder) -> AsyncIterator[grpc.aio.Channel]:
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((api.zoo_keeper_handlers(zoo, hooks),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield channel
    await server.stop(None)


@pytest.fixture
def app(api: ModuleType, zoo: Zoo, hooks: Recorder) -> FastAPI:
    app = FastAPI(title="zoo", version="1")
    install(app, hooks)
    app.include_router(api.zoo_keeper_router(zoo, hooks))
    return app


@pytest.fixture
async def http(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://zoo") as client:
        yield client
