"""The committed code is what the protos give, and the protos keep their style; both checks can fail."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROTOS = Path(__file__).resolve().parents[1]
BUF = Path(sys.executable).with_name("buf")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the protos that a test may spoil."""
    shutil.copytree(PROTOS, tmp_path / "protos", ignore=shutil.ignore_patterns("__pycache__", "tests"))
    return tmp_path / "protos"


def check(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, folder / "generate.py", "--check"], capture_output=True, text=True)


def test_committed_code_is_fresh() -> None:
    result = check(PROTOS)
    assert (result.returncode, result.stderr) == (0, "")


def test_an_edited_file_is_named(copy: Path) -> None:
    edited = copy / "src/eshop_protos/stock/v1/stock_api.py"
    edited.write_text(edited.read_text() + "# edited\n")
    result = check(copy)
    assert result.returncode == 1
    assert "protos/src/eshop_protos/stock/v1/stock_api.py" in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_changed_proto_names_what_depends_on_it(copy: Path) -> None:
    proto = copy / "src/eshop_protos/user/v1/user.proto"
    proto.write_text(proto.read_text().replace("max_len = 50", "max_len = 51"))
    result = check(copy)
    assert result.returncode == 1
    assert "user_api.py" in result.stderr
    assert "user_pb2.py" in result.stderr
    assert "stock" not in result.stderr


def test_code_of_a_removed_proto_is_named(copy: Path) -> None:
    left = copy / "src/eshop_protos/stock/v1/old_pb2.py"
    left.write_text("")
    result = check(copy)
    assert result.returncode == 1
    assert "old_pb2.py" in result.stderr


def test_generating_repairs_all_of_it(copy: Path) -> None:
    (copy / "src/eshop_protos/stock/v1/old_pb2.py").write_text("")
    (copy / "src/eshop_protos/stock/v1/stock_pb2.py").unlink()
    subprocess.run([sys.executable, copy / "generate.py"], check=True, capture_output=True)
    assert check(copy).returncode == 0


def test_protos_pass_the_lint() -> None:
    result = subprocess.run([BUF, "lint"], cwd=PROTOS, capture_output=True, text=True)
    assert (result.returncode, result.stdout) == (0, "")


def test_the_lint_finds_a_comment_that_is_missing(copy: Path) -> None:
    proto = copy / "src/eshop_protos/user/v1/user.proto"
    proto.write_text(proto.read_text().replace("// A user to create.\n", ""))
    result = subprocess.run([BUF, "lint"], cwd=copy, capture_output=True, text=True)
    assert result.returncode != 0
    assert "CreateUserRequest" in result.stdout
