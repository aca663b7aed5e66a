"""What is published is true: the generated code, the README's example."""

import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent.parent
EXAMPLE = HERE / "examples" / "transfer.py"


def test_the_generated_code_is_what_the_proto_says(tmp_path):
    pytest.importorskip("grpc_tools")
    out = [f"--python_out={tmp_path}", f"--pyi_out={tmp_path}"]
    protoc = [sys.executable, "-m", "grpc_tools.protoc", f"-I{HERE / 'src'}", *out, "aiodtm/_wire/dtm.proto"]
    subprocess.run(protoc, check=True)
    for name in ("dtm_pb2.py", "dtm_pb2.pyi"):
        assert (tmp_path / "aiodtm/_wire" / name).read_text() == (HERE / "src/aiodtm/_wire" / name).read_text()


def test_the_readme_shows_the_example_as_it_is():
    assert EXAMPLE.read_text("utf-8") in (HERE / "README.md").read_text("utf-8")


@pytest.mark.parts
def test_the_example_says_what_the_readme_says(mysql_url, dtm_on_mysql):
    grpc_address, http_address = dtm_on_mysql
    environment = {"MYSQL_URL": mysql_url, "DTM_GRPC": grpc_address, "DTM_HTTP": http_address}
    python_path = {"PYTHONPATH": str(HERE / "src")}
    ran = subprocess.run(
        [sys.executable, EXAMPLE], capture_output=True, text=True, timeout=30, env=environment | python_path
    )
    assert ran.stderr == ""
    assert ran.stdout.strip() in (HERE / "README.md").read_text("utf-8")
