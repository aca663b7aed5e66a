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
HEAD = 'syntax = "proto3"; package p; import "buf/validate/validate.proto"; import "google/api/annotations.proto";\n'


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


REFUSED = {
    "enum field": ("enum E { A = 0; } message M { E e = 1; }", "p.M.e: fields of type TYPE_ENUM"),
    "bytes field": ("message M { bytes b = 1; }", "p.M.b: fields of type TYPE_BYTES"),
    "oneof": ("message M { oneof o { string a = 1; } }", "p.M: oneof"),
    "map": ("message M { map<string, string> m = 1; }", "p.M: oneof, map"),
    "taken name": ("message M { string json = 1; }", "can't be named 'json'"),
    "keyword": ("message M { string class = 1; }", "can't be named 'class'"),
    "message rule": (
        'message M { option (buf.validate.message).cel = {id: "x" expression: "true"}; string a = 1; }',
        "p.M: rules on a whole message",
    ),
    "rule in another vocabulary": (
        "message M { string a = 1 [(buf.validate.field).string.email = true]; }",
        "p.M.a: the rule StringRules.email",
    ),
    "cel": (
        'message M { string a = 1 [(buf.validate.field).cel = {id: "x" expression: "true"}]; }',
        "p.M.a: the rule 'cel'",
    ),
    "ignore": (
        "message M { string a = 1 [(buf.validate.field).ignore = IGNORE_ALWAYS]; }",
        "p.M.a: the rule 'ignore'",
    ),
    "required scalar": (
        "message M { string a = 1 [(buf.validate.field).required = true]; }",
        "'required' is supported on messages only",
    ),
    "inverted bounds": (
        "message M { int32 a = 1 [(buf.validate.field).int32 = {gt: 5, lt: 3}]; }",
        "p.M.a: the lower bound",
    ),
    "pattern with flags": (
        'message M { string a = 1 [(buf.validate.field).string.pattern = "(?i)a"]; }',
        "groups with flags",
    ),
    "stream": ("message M {} service s { rpc R(stream M) returns (M); }", "p.s.R: streams"),
    "message that holds itself": ("message M { M m = 1; }", "p.M: a message that holds itself"),
    "unknown field in the path": (
        'message M {} service s { rpc R(M) returns (M) { option (google.api.http) = {get: "/{id}"}; } }',
        "{id} in the path",
    ),
    "list in a query": (
        "message M { repeated string a = 1; } service s {"
        ' rpc R(M) returns (M) { option (google.api.http) = {get: "/"}; } }',
        "p.s.R: lists and messages",
    ),
    "body of one field": (
        "message N {} message M { N n = 1; } service s {"
        ' rpc R(M) returns (M) { option (google.api.http) = {post: "/" body: "n"}; } }',
        "p.s.R: only one HTTP binding",
    ),
    "two services": ("service s {} service t {}", "more than one service"),
    "two rpcs of one name": (
        "message M {} service s { rpc AbC(M) returns (M); rpc ab_c(M) returns (M); }",
        "two things would be named 'AB_C'",
    ),
    "a name for two things": (
        "message A {} message AReply {} service s {"
        ' rpc R(A) returns (A) { option (google.api.http) = {post: "/r" body: "*"}; }'
        ' rpc Q(A) returns (AReply) { option (google.api.http) = {post: "/q" body: "*"}; } }',
        "two things would be named 'AReply'",
    ),
    "name of an import": (
        "message Field {} service s {"
        ' rpc R(Field) returns (Field) { option (google.api.http) = {post: "/" body: "*"}; } }',
        "two things would be named 'Field'",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_would_not_be_enforced_is_refused(tmp_path: Path, what: str) -> None:
    text, message = REFUSED[what]
    (tmp_path / "p.proto").write_text(HEAD + text)
    response = respond(compile_protos(tmp_path, tmp_path / "out", "p.proto"))
    assert message in response.error
    assert not response.file
