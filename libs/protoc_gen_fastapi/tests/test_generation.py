"""The plugin: what it writes for the example, and what it refuses to write."""

import ast
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from protoc_gen_fastapi.plugin import respond

from .conftest import EXAMPLE, compile_protos

GOLDEN = [EXAMPLE / "zoo/v1/food_api.golden", EXAMPLE / "zoo/v1/zoo_api.golden"]


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda path: path.name)
def test_generated_code_is_the_golden_file(generated: Path, golden: Path) -> None:
    written = (generated / golden.relative_to(EXAMPLE)).with_suffix(".py").read_text()
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(written)
    assert written == golden.read_text(), "after a wanted change run the tests with UPDATE_GOLDEN=1"


def test_the_same_request_gives_the_same_bytes(tmp_path: Path) -> None:
    first, second = (
        respond(compile_protos(EXAMPLE, tmp_path / n, "zoo/v1/food.proto", "zoo/v1/zoo.proto")) for n in "ab"
    )
    assert first.SerializeToString(deterministic=True) == second.SerializeToString(deterministic=True)


def test_the_plugin_speaks_with_protoc(tmp_path: Path) -> None:
    request = compile_protos(EXAMPLE, tmp_path, "zoo/v1/food.proto")
    program = [sys.executable, "-c", "from protoc_gen_fastapi.plugin import main; main()"]
    result = subprocess.run(program, input=request.SerializeToString(), capture_output=True, check=True)
    assert result.stdout == respond(request).SerializeToString()


def test_the_plugin_needs_nothing_but_protobuf() -> None:
    program = "import sys, protoc_gen_fastapi.plugin; print({m.partition('.')[0] for m in sys.modules})"
    modules = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True).stdout
    assert not {"fastapi", "pydantic", "grpc", "orjson"} & ast.literal_eval(modules)


def test_names_of_the_interface(api: ModuleType) -> None:
    assert api.SERVICE_NAME == "example.zoo.v1.zooKeeper"
    assert api.UPDATE_BY_ID == "/example.zoo.v1.zooKeeper/UpdateByID"
    assert api.DESCRIPTOR.full_name == api.SERVICE_NAME
    assert api.IDEMPOTENT == ((api.SERVICE_NAME, "Find"), (api.SERVICE_NAME, "Count"))
    assert api.ZooKeeperApi.buy_animal.__doc__ == "Buys an animal. It is fed from then on."
