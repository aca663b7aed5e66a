"""Routes as google.api.http describes them: templates, verbs, bodies, queries, several bindings."""

from pathlib import Path
from typing import Any

import pytest

from protoc_gen_fastapi import paths
from protoc_gen_fastapi.paths import TemplateError

from .serving import answered, echo, served

BOOKS = """
service Things {
  rpc Put(Req) returns (Req) { option (google.api.http) = {post: "/v1/{a}" body: "*"}; }
  rpc Cancel(Req) returns (Req) { option (google.api.http) = {post: "/v1/{a}:cancel" body: "*"}; }
  rpc Book(Req) returns (Req) { option (google.api.http) = {get: "/v1/{a=shelves/*/books/*}"}; }
  rpc Deep(Req) returns (Req) { option (google.api.http) = {get: "/v1/files/{a=**}"}; }
  rpc Star(Req) returns (Req) { option (google.api.http) = {get: "/v2/*/things/{a}"}; }
  rpc All(Req) returns (Req) { option (google.api.http) = {get: "/v2/all/**"}; }
  rpc Inner(Req) returns (Req) { option (google.api.http) = {patch: "/v3/{thing.id}" body: "thing"}; }
  rpc Whole(Req) returns (Req) { option (google.api.http) = {put: "/v3/{thing.id}" body: "*"}; }
  rpc Two(Req) returns (Req) {
    option (google.api.http) = {get: "/v4/{a}" additional_bindings {get: "/v5/{b}/{a}"}
                                additional_bindings {custom {kind: "PURGE" path: "/v4/{a}"}}};
  }
  rpc Any(Req) returns (Req) { option (google.api.http) = {get: "/v6/{a}/{b}"}; }
  rpc Mine(Req) returns (Req) { option (google.api.http) = {get: "/v6/{a}/me"}; }
  rpc Query(Req) returns (Req) { option (google.api.http) = {get: "/v7"}; }
  rpc One(Req) returns (Req) { option (google.api.http) = {get: "/v8" response_body: "thing"}; }
  rpc List(Req) returns (Req) { option (google.api.http) = {get: "/v9" response_body: "list"}; }
  rpc Large(Req) returns (Req) { option (google.api.http) = {get: "/v10" response_body: "large"}; }
  rpc Switch(Req) returns (Req) { option (google.api.http) = {get: "/on/{on}"}; }
  rpc Sized(Req) returns (Req) { option (google.api.http) = {get: "/sized/{size}"}; }
  rpc Root(Req) returns (Req) { option (google.api.http) = {get: "/"}; }
  rpc Nested(Req) returns (Req) { option (google.api.http) = {post: "/nested/{a}" body: "thing.inner"}; }
  rpc Colons(Req) returns (Req) { option (google.api.http) = {post: "/v1/{a}:one:two" body: "*"}; }
  rpc Twins(Req) returns (Req) { option (google.api.http) = {get: "/twins/{thing.id}/{thing__id}"}; }
  rpc Listed(Req) returns (Req) { option (google.api.http) = {get: "/listed/{numbers}"}; }
  rpc Body(Req) returns (Req) { option (google.api.http) = {get: "/body/{body}"}; }
}
enum Size { SMALL = 0; LARGE = 1; }
message Thing { string id = 1; int32 n = 2; Thing inner = 3; repeated string tags = 4; }
message Req {
  string a = 1; string b = 2; Thing thing = 3; repeated string list = 4; bool on = 5; Size size = 6; string body = 7;
  repeated int32 numbers = 8; string long_name = 9; string thing__id = 10; int64 large = 11;
}
"""
CALLS: list[tuple[str, str, Any, dict[str, Any]]] = [
    ("POST", "/v1/5", {"b": "x"}, {"a": "5", "b": "x"}),
    ("POST", "/v1/5:cancel", {}, {"a": "5"}),
    ("POST", "/v1/5:other", {}, {"a": "5:other"}),
    ("GET", "/v1/shelves/1/books/2", None, {"a": "shelves/1/books/2"}),
    ("GET", "/v1/files/a/b/c", None, {"a": "a/b/c"}),
    ("GET", "/v2/x/things/7", None, {"a": "7"}),
    ("GET", "/v2/all", None, {"a": ""}),
    ("GET", "/v2/all/a/b?a=q", None, {"a": "q"}),
    ("PATCH", "/v3/7?a=q", {"n": 5}, {"a": "q", "thing": {"id": "7", "n": 5, "inner": None, "tags": []}}),
    (
        "PUT",
        "/v3/7",
        {"a": "q", "thing": {"n": 5, "id": "8"}},
        {"thing": {"id": "7", "n": 5, "inner": None, "tags": []}},
    ),
    ("PUT", "/v3/7", {"thing": None}, {"thing": {"id": "7", "n": 0, "inner": None, "tags": []}}),
    ("GET", "/v4/1", None, {"a": "1"}),
    ("GET", "/v5/2/1", None, {"a": "1", "b": "2"}),
    ("PURGE", "/v4/3", None, {"a": "3"}),
    ("GET", "/v1/files/a%0Ab", None, {"a": "a\nb"}),
    ("GET", "/twins/1/2", None, {"thing": {"id": "1", "n": 0, "inner": None, "tags": []}, "thing__id": "2"}),
    ("GET", "/v6/1/me", None, {"a": "1", "b": ""}),
    ("GET", "/v6/1/you", None, {"a": "1", "b": "you"}),
    ("GET", "/v7?thing.n=3&thing.inner.id=x", None, {"thing": {"n": 3, "id": "", "tags": [], "inner": "x"}}),
    ("GET", "/v7?list=a&list=b&numbers=1&numbers=2", None, {"list": ["a", "b"], "numbers": [1, 2]}),
    ("GET", "/v7?thing.tags=a&thing.tags=b", None, {"thing": {"id": "", "n": 0, "inner": None, "tags": ["a", "b"]}}),
    ("GET", "/v7?longName=x&size=LARGE&on=true", None, {"long_name": "x", "size": "LARGE", "on": True}),
    ("GET", "/v7?long_name=x&size=1", None, {"long_name": "x", "size": "LARGE"}),
    ("GET", "/v7?no.such=1&thing=2&thing.no=3&a.b=4", None, {"thing": None, "a": ""}),
    ("GET", "/on/true", None, {"on": True}),
    ("GET", "/on/false?on=true", None, {"on": False}),
    ("GET", "/sized/LARGE", None, {"size": "LARGE"}),
    ("GET", "/?a=x", None, {"a": "x"}),
    ("POST", "/nested/5?thing.n=3", {"id": "x"}, {"a": "5", "thing": {"id": "", "n": 3, "inner": "x", "tags": []}}),
    ("POST", "/v1/5:one:two", {}, {"a": "5"}),
    ("GET", "/listed/1,2,3", None, {"numbers": [1, 2, 3]}),
    ("GET", "/body/text", None, {"body": "text"}),
]


@pytest.mark.parametrize(("verb", "path", "body", "expected"), CALLS, ids=str)
async def test_a_route_is_what_its_template_says(
    tmp_path: Path, verb: str, path: str, body: Any, expected: dict[str, Any]
) -> None:
    async with served(tmp_path, BOOKS, echo) as things:
        data = await things.data(verb, path, **({} if body is None else {"json": body}))
        if isinstance(data.get("thing"), dict) and isinstance(data["thing"]["inner"], dict):
            data["thing"]["inner"] = data["thing"]["inner"]["id"]
        assert {name: data[name] for name in expected} == expected


async def test_one_field_of_a_reply_is_answered(tmp_path: Path) -> None:
    async with served(tmp_path, BOOKS, echo) as things:
        assert await things.data("GET", "/v8?thing.n=3") == {"id": "", "n": 3, "inner": None, "tags": []}
        assert await things.data("GET", "/v8") is None
        assert await things.data("GET", "/v9?list=a") == ["a"]
        wide = await things.data("GET", "/v10?large=7", headers={"accept": "application/json;int64=string"})
        assert wide == "7"
    async with served(tmp_path / "proto", BOOKS, echo, options="json=proto") as things:
        assert await things.data("GET", "/v9") == []


@pytest.mark.parametrize(
    ("verb", "path", "body", "message"),
    [
        ("GET", "/on/yes", None, "on: must be true or false"),
        ("GET", "/v7?numbers=1&numbers=x", None, "numbers[1]: must be a whole number"),
        ("GET", "/v7?thing.n=x", None, "thing.n: must be a whole number"),
        ("PATCH", "/v3/7", [1], "thing: must be an object"),
        ("PUT", "/v3/7", {"thing": [1]}, "thing: must be an object"),
    ],
)
async def test_a_bad_part_is_named(tmp_path: Path, verb: str, path: str, body: Any, message: str) -> None:
    async with served(tmp_path, BOOKS, echo) as things:
        assert await things.refusal(verb, path, **({} if body is None else {"json": body})) == message


@pytest.mark.parametrize(
    ("verb", "path"), [("GET", "/v1/shelves/1/books"), ("GET", "/v2/x/y/things/7"), ("GET", "/v3")]
)
async def test_other_paths_are_unknown(tmp_path: Path, verb: str, path: str) -> None:
    async with served(tmp_path, BOOKS, echo) as things:
        assert (await things.http.request(verb, path)).status_code == 404


async def test_a_wrong_verb_is_told_with_those_allowed(tmp_path: Path) -> None:
    async with served(tmp_path, BOOKS, echo) as things:
        response = await things.http.delete("/v4/1")
        assert (response.status_code, response.headers["allow"]) == (405, "GET, HEAD, PURGE")


async def test_the_document_writes_paths_as_the_proto_does(tmp_path: Path) -> None:
    async with served(tmp_path, BOOKS, echo) as things:
        document = things.app.openapi()
        shown = {path: set(verbs) for path, verbs in document["paths"].items()}
        assert shown["/v1/{a}:cancel"] == {"post"}
        assert shown["/v3/{thing.id}"] == {"put", "patch"}
        assert shown["/v2/*/things/{a}"] == {"get"}
        query = document["paths"]["/v7"]["get"]["parameters"]
        assert {p["name"] for p in query} >= {"a", "list", "thing.n", "thing.inner.id", "thing.tags"}
        patch = document["paths"]["/v3/{thing.id}"]["patch"]
        assert [(p["name"], p["in"]) for p in patch["parameters"]][:2] == [("thing.id", "path"), ("a", "query")]
        schema = patch["requestBody"]["content"]["application/json"]["schema"]
        assert schema == {"$ref": "#/components/schemas/Thing"}
        ids = [op["operationId"] for verbs in document["paths"].values() for op in verbs.values()]
        assert len(ids) == len(set(ids))


WRONG = {
    "twins": (
        'rpc A(M) returns (M) { option (google.api.http) = {get: "/{id}"}; }'
        'rpc B(M) returns (M) { option (google.api.http) = {get: "/{name}"}; }',
        "Things.B: GET /{name} is the route of A already",
    ),
    "no field": ('rpc A(M) returns (M) { option (google.api.http) = {get: "/{no}"}; }', "'no' is no field of"),
    "a map": ('rpc A(M) returns (M) { option (google.api.http) = {get: "/{map}"}; }', "{map} in the path is a mes"),
    "a message": (
        'rpc A(M) returns (M) { option (google.api.http) = {get: "/{m}"}; }',
        "{m} in the path is a message",
    ),
    "no slash": ('rpc A(M) returns (M) { option (google.api.http) = {get: "v1"}; }', 'the path must begin with "/"'),
    "no body": ('rpc A(M) returns (M) { option (google.api.http) = {post: "/" body: "no"}; }', "'no' is no field"),
    "reply inside": (
        'rpc A(M) returns (M) { option (google.api.http) = {get: "/" response_body: "m.id"}; }',
        "'m.id' is no field",
    ),
    "no reply": (
        'rpc A(M) returns (M) { option (google.api.http) = {get: "/" response_body: "no"}; }',
        "'no' is no field",
    ),
}
MESSAGE = "message M { string id = 1; string name = 2; map<string, string> map = 3; M m = 4; }"


@pytest.mark.parametrize("what", WRONG)
def test_a_route_that_can_t_work_is_an_error_with_its_line(tmp_path: Path, what: str) -> None:
    rpcs, message = WRONG[what]
    told = answered(tmp_path, f"\nservice Things {{\n{rpcs}\n}} {MESSAGE}").error
    assert message in told
    assert ".proto:3: test." in told


def test_all_errors_are_told_at_once(tmp_path: Path) -> None:
    text = "".join(f"\n{rpcs.replace('rpc A', f'rpc A{n}')}" for n, (rpcs, _) in enumerate(WRONG.values()) if n)
    told = answered(tmp_path, f"service Things {{{text}\n}} {MESSAGE}").error.splitlines()
    assert [int(line.split(":")[1]) for line in told] == [2, 3, 4, 5, 6, 7, 8]


@pytest.mark.parametrize("text", ["v1", "/a//b", "/{a", "/{a}b", "/**/a", "/{a}/{a}", "/{1a}", "/a:b{", "/a::b"])
def test_what_is_no_template(text: str) -> None:
    with pytest.raises(TemplateError):
        paths.parse(text)
