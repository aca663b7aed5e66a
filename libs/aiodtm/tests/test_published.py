"""What is published is true: the generated code, the README's example."""

import importlib
import re
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


PUBLIC = ("aiodtm", "aiodtm.mysql", "aiodtm.redis", "aiodtm.testing")


def test_everything_but_the_public_modules_is_private():
    root = HERE / "src"
    modules = [".".join(path.relative_to(root).with_suffix("").parts) for path in root.rglob("*.py")]
    public = {name.removesuffix(".__init__") for name in modules if not re.search(r"\._(?!_)", name)}
    assert public == set(PUBLIC)
    for name in PUBLIC:
        module = importlib.import_module(name)
        assert all(hasattr(module, exported) for exported in module.__all__)


def test_the_other_distributions_import_public_names_only():
    workspace = HERE.parent.parent
    folders = [
        folder for folder in [*workspace.iterdir(), *HERE.parent.iterdir()] if (folder / "pyproject.toml").exists()
    ]
    sources = [path for folder in {*folders, workspace / "test"} - {HERE} for path in folder.rglob("*.py")]
    wrong = [
        f"{path}: {line}"
        for path in sources
        for line in re.findall(r"^\s*(?:from|import) aiodtm.*", path.read_text("utf-8"), re.MULTILINE)
        if "._" in line or not set(re.findall(r"aiodtm[.\w]*", line)) <= set(PUBLIC)
    ]
    assert wrong == []


def test_a_missing_extra_is_told_by_its_name():
    program = "import sys; sys.modules['sqlalchemy'] = None; import aiodtm.redis, aiodtm.testing; import aiodtm.mysql"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert ran.stderr.splitlines()[-1].startswith(
        'ImportError: aiodtm.mysql needs an extra: pip install "aiodtm[mysql]"'
    )


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
