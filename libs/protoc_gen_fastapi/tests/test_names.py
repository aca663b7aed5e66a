"""Whatever things are called in a .proto, the generated module imports, serves, and is typed."""

from pathlib import Path
from typing import Any

import pytest

from .serving import answered, echo, served, strictly_typed

FIELDS = """
    int str bool list float dict bytes type object Field Any model_config model_dump model_fields copy json
    schema validate construct self cls m d key item index bad call request hooks api from import class None True
    lambda _rt register fields items values get timeout metadata descriptor parse_obj
""".split()  # noqa: SIM905 - a line for each would be long to read
MESSAGES = """
    bool_ list object property str_ tuple type dict int_ float_ Any Protocol APIRouter Field Request Hooks Call
    Reply AsyncIterator ThingsApi ThingsClient Outer_Inner Exception
""".split()  # noqa: SIM905 - a line for each would be long to read
RPCS = """
    Descriptor Idempotent ServiceName Timeout Channel Init Self GetURL GetUrl Import Class List Type Do Close
""".split()  # noqa: SIM905 - a line for each would be long to read


def naming() -> str:
    fields = " ".join(f"string {name} = {number};" for number, name in enumerate(FIELDS, 1))
    messages = " ".join(f"message {name} {{ string a = 1; repeated {name} more = 2; }}" for name in MESSAGES)
    used = " ".join(f"{name} f{number} = {number};" for number, name in enumerate(MESSAGES, 100))
    rpcs = " ".join(
        f'rpc {name}(Req) returns (Req) {{ option (google.api.http) = {{post: "/{number}" body: "*"}}; }}'
        for number, name in enumerate(RPCS)
    )
    inner = "message Outer { message Inner { string a = 1; } Inner inner = 1; }"
    return f"service Things {{ {rpcs} }} {messages} {inner} message Req {{ {fields} {used} Outer outer = 200; }}"


async def test_names_that_python_or_the_generator_use_are_names_like_others(tmp_path: Path) -> None:
    async with served(tmp_path, naming(), echo) as things:
        sent = {name: name for name in FIELDS} | {"f100": {"a": "x", "more": []}, "outer": {"inner": {"a": "y"}}}
        for number in range(len(RPCS)):
            data = await things.data("POST", f"/{number}", json=sent)
            assert {name: data[name] for name in sent} == sent
        for method in ("descriptor", "timeout", "get_url", "get_url_2", "import_", "class_", "type"):
            reply = await getattr(things.client, method)(things.pb.Req(int="5"), call())
            assert reply.int == "5"
        assert things.api.DESCRIPTOR.full_name == things.api.SERVICE_NAME
        assert things.api.DESCRIPTOR_RPC.endswith("/Descriptor")


def call() -> Any:
    from protoc_gen_fastapi.runtime import Call

    return Call.local()


SEVERAL = """
service Things { rpc Do(M) returns (M) { option (google.api.http) = {post: "/things" body: "*"}; } }
service Others {
  rpc Do(M) returns (M) { option (google.api.http) = {post: "/others" body: "*"}; }
  rpc Silent(M) returns (M);
}
message M { string a = 1; }
"""


async def test_a_file_may_have_several_services(tmp_path: Path) -> None:
    async with served(tmp_path, SEVERAL, echo, service="Others") as others:
        assert await others.data("POST", "/others", json={"a": "x"}) == {"a": "x"}
        assert (await others.client.silent(others.pb.M(a="y"), call())).a == "y"
        assert others.api.OTHERS_SERVICE_NAME.endswith(".Others")
        assert others.api.THINGS_DO.endswith(".Things/Do")
        assert others.api.ThingsClient


@pytest.mark.parametrize(
    "text",
    ["service Things {}", "message M { string a = 1; }", '// \\d+ and "quotes"\npackage {PACKAGE}; service Things {}'],
)
def test_what_has_nothing_to_serve_makes_a_module_too(tmp_path: Path, text: str) -> None:
    if "PACKAGE" in text:
        text = f'syntax = "proto3";\n{text.replace("{PACKAGE}", "PACKAGE")}'
    response = answered(tmp_path, text)
    assert response.error == ""
    compile(response.file[0].content, "module", "exec")


def test_files_below_google_are_files_like_others(tmp_path: Path) -> None:
    from protoc_gen_fastapi.plugin import respond

    from .conftest import compile_protos

    (tmp_path / "google" / "own").mkdir(parents=True)
    text = (
        'syntax = "proto3"; package google.own; service Things { rpc Do(M) returns (M); } message M { string a = 1; }'
    )
    (tmp_path / "google/own/a-b.proto").write_text(text)
    response = respond(compile_protos(tmp_path, tmp_path / "out", "google/own/a-b.proto"))
    assert [file.name for file in response.file] == ["google/own/a_b_api.py"]
    assert "class ThingsApi(Protocol):" in response.file[0].content


def test_an_unknown_option_is_told_with_those_there_are(tmp_path: Path) -> None:
    told = answered(tmp_path, "service Things {}", "json=xml").error
    assert told.startswith("--fastapi_opt=json=xml: there is no such option; there are json=lab, json=proto, answers=")


async def test_generated_code_is_strictly_typed(tmp_path: Path) -> None:
    from .test_messages import KINDS
    from .test_routes import BOOKS
    from .test_streams import STREAMS

    for text in (KINDS, BOOKS, STREAMS, SEVERAL, naming()):
        for options in ("", "json=proto,answers=plain"):
            response = answered(tmp_path, text, options)
            assert response.error == ""
            (tmp_path / response.file[0].name).write_text(response.file[0].content)
    assert strictly_typed(tmp_path) == ""
