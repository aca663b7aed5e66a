"""Field rules of both vocabularies: what they refuse, with which words, and that both transports say the same.

What buf.validate says is also held against protovalidate, which knows nothing of the generator.
"""

import importlib
import sys
from pathlib import Path
from typing import Any

import protovalidate
import pytest
from google.protobuf import json_format

from protoc_gen_fastapi.runtime import Call, InvalidArgument

from .conftest import OLD_RULES, compile_protos
from .serving import answered, echo, served

IMPORTS = """
import "buf/validate/validate.proto"; import "google/protobuf/duration.proto";
import "google/protobuf/timestamp.proto"; import "google/protobuf/wrappers.proto"; import "google/protobuf/any.proto";
service Things { rpc Do(M) returns (M) { option (google.api.http) = {post: "/do" body: "*"}; } }
enum Size { NONE = 0; SMALL = 1; LARGE = 3; }
message In { string s = 1 [(buf.validate.field).string.min_len = 1]; }
"""
UUID = "123e4567-e89b-12d3-a456-426614174000"
# field with its rules, without (buf.validate.field); values that keep them; values that break them; what is said
CASES: list[tuple[str, list[Any], list[Any], str]] = [
    ("string f = 1 [V.string.const = 'a']", ["a"], ["b", ""], 'must be "a"'),
    ("string f = 1 [V.string.len = 2]", ["ab", "äö"], ["a"], "must have exactly 2 characters"),
    ("string f = 1 [V.string.len_bytes = 2]", ["ab", "ä"], ["äö"], "must have exactly 2 bytes"),
    ("string f = 1 [V.string = {min_bytes: 2, max_bytes: 3}]", ["ä", "abc"], ["a"], "must have at least 2 bytes"),
    ("string f = 1 [V.string.prefix = 'a\"']", ['a"b'], ["ab"], 'must begin with "a\\""'),
    ("string f = 1 [V.string.suffix = 'z']", ["z", "az"], ["za"], 'must end with "z"'),
    ("string f = 1 [V.string.contains = 'm']", ["amz"], ["az"], 'must contain "m"'),
    ("string f = 1 [V.string.not_contains = 'm']", ["az", ""], ["amz"], 'must not contain "m"'),
    ("string f = 1 [V.string = {in: ['a', 'b']}]", ["a", "b"], ["c", ""], 'must be one of "a", "b"'),
    ("string f = 1 [V.string = {not_in: ['a']}]", ["b", ""], ["a"], 'must be none of "a"'),
    (
        "string f = 1 [V.string.email = true]",
        ["a@b.co", "a+b@localhost"],
        ["a@", "a b@c.d", "Foo <a@b.c>"],
        "must be an e-mail address",
    ),
    (
        "string f = 1 [V.string.hostname = true]",
        ["a.b-c.de", "localhost"],
        ["-a", "a..b", "a_b", "1.2.3.4"],
        "must be a host name",
    ),
    ("string f = 1 [V.string.ip = true]", ["127.0.0.1", "::1"], ["1.2.3", "x"], "must be an IP address"),
    ("string f = 1 [V.string.ipv4 = true]", ["127.0.0.1"], ["::1", "01.2.3.4"], "must be an IPv4 address"),
    ("string f = 1 [V.string.ipv6 = true]", ["::1", "fe80::1%eth0"], ["127.0.0.1", ":::"], "must be an IPv6 address"),
    (
        "string f = 1 [V.string.uri = true]",
        ["https://a.b/c?d#e", "urn:a:b"],
        ["/a", "a b:c", "http://[x]"],
        "must be a URI",
    ),
    (
        "string f = 1 [V.string.uri_ref = true]",
        ["/a?b", "http://a"],
        ["a b", "%zz"],
        "must be a URI or a relative reference",
    ),
    ("string f = 1 [V.string.address = true]", ["a.b", "::1"], ["a_b"], "must be a host name or an IP address"),
    ("string f = 1 [V.string.uuid = true]", [UUID, UUID.upper()], [UUID[:-1], UUID.replace("-", "")], "must be a UUID"),
    ("string f = 1 [V.string.tuuid = true]", [UUID.replace("-", "")], [UUID], "must be a UUID without dashes"),
    (
        "string f = 1 [V.string.host_and_port = true]",
        ["a:1", "[::1]:80", "1.2.3.4:65535"],
        ["a", "a:", "a:65536", "::1:80"],
        "must be a host and a port",
    ),
    (
        "string f = 1 [V.string.ip_prefix = true]",
        ["10.0.0.0/8", "fd00::/8"],
        ["10.0.0.1/8", "10.0.0.0"],
        "must be an IP prefix",
    ),
    (
        "string f = 1 [V.string.ipv4_with_prefixlen = true]",
        ["10.0.0.1/8"],
        ["10.0.0.1", "::1/8"],
        "must be an IPv4 address with the length of its prefix",
    ),
    (
        "string f = 1 [V.string.well_known_regex = KNOWN_REGEX_HTTP_HEADER_NAME]",
        ["x-a", ":path"],
        ["a b", ""],
        "must be an HTTP header name",
    ),
    (
        "string f = 1 [V.string.well_known_regex = KNOWN_REGEX_HTTP_HEADER_VALUE]",
        ["a b", ""],
        ["a\n"],
        "must be an HTTP header value",
    ),
    ("string f = 1 [V.required = true]", ["a"], [""], "is required"),
    ("int32 f = 1 [V.required = true]", [1], [0], "is required"),
    (
        "string f = 1 [V.string.min_len = 2, V.ignore = IGNORE_IF_ZERO_VALUE]",
        ["", "ab"],
        ["a"],
        "must have at least 2 characters",
    ),
    ("string f = 1 [V.string.min_len = 2, V.ignore = IGNORE_ALWAYS]", ["", "a"], [], ""),
    ("int32 f = 1 [V.int32 = {in: [1, 3]}]", [1, 3], [0, 2], "must be one of 1, 3"),
    ("int32 f = 1 [V.int32 = {gt: 5, lt: 3}]", [6, 2], [3, 4, 5], "must be greater than 5 or less than 3"),
    ("int32 f = 1 [V.int32 = {gte: 5, lte: 5}]", [5], [4], "must be at least 5"),
    ("uint64 f = 1 [V.uint64.const = 7]", [7], [0], "must be 7"),
    ("double f = 1 [V.double = {gt: 0.5, lte: 2}]", [1, 2], [0.5], "must be greater than 0.5"),
    ("float f = 1 [V.float = {in: [0.5, 2]}]", [0.5], [1], "must be one of 0.5, 2.0"),
    ("bool f = 1 [V.bool.const = true]", [True], [False], "must be true"),
    ("bytes f = 1 [V.bytes = {min_len: 1, max_len: 2}]", ["AA=="], [""], "must have at least 1 byte"),
    ("bytes f = 1 [V.bytes.prefix = '\\x01\\x02']", ["AQID"], ["AgE="], "must begin with 01 02"),
    ("bytes f = 1 [V.bytes.ipv4 = true]", ["AQIDBA=="], ["AQ=="], "must be the bytes of an IPv4 address"),
    ("Size f = 1 [V.enum.defined_only = true]", ["SMALL", 3], [2], "must be one of NONE, SMALL, LARGE"),
    ("Size f = 1 [V.enum = {not_in: [0]}]", ["SMALL"], ["NONE"], "must be none of 0"),
    ("repeated string f = 1 [V.repeated.unique = true]", [["a", "b"], []], [["a", "a"]], "must hold nothing twice"),
    (
        "repeated In f = 1 [V.repeated = {min_items: 1, max_items: 2}]",
        [[{"s": "a"}]],
        [[]],
        "must have at least 1 item",
    ),
    ("map<string, int32> f = 1 [V.map = {min_pairs: 1}]", [{"a": 1}], [{}], "must have at least 1 item"),
    ("In f = 1 [V.required = true]", [{"s": "a"}], [None], "is required"),
    ("optional int32 f = 1 [V.int32.gt = 0]", [None, 1], [0], "must be greater than 0"),
    (
        "google.protobuf.Duration f = 1 [V.duration = {gte: {seconds: 1}}]",
        ["1s", None],
        ["0.5s"],
        "must be at least 1 s",
    ),
    ("google.protobuf.Duration f = 1 [V.duration = {in: [{seconds: 1}]}]", ["1s"], ["2s"], "must be one of 1 s"),
    (
        "google.protobuf.Timestamp f = 1 [V.timestamp.lt_now = true]",
        ["2020-01-01T00:00:00Z"],
        ["2999-01-01T00:00:00Z"],
        "must be in the past",
    ),
    (
        "google.protobuf.Timestamp f = 1 [V.timestamp.gt_now = true]",
        ["2999-01-01T00:00:00Z"],
        ["2020-01-01T00:00:00Z"],
        "must be in the future",
    ),
    ("google.protobuf.Int32Value f = 1 [V.int32.gt = 5]", [None, 6], [5], "must be greater than 5"),
    ("google.protobuf.StringValue f = 1 [V.string.min_len = 1]", [None, "a"], [""], "must have at least 1 character"),
    ("string f = 1 [V.string.const = '{v}']", ["{v}"], ["m.f", ""], 'must be "{v}"'),
    ("string f = 1 [V.string.pattern = '^(?i)a\\\\pL$']", ["AB"], ["a1"], "must match the pattern ^(?i)a\\pL$"),
    ("double f = 1 [V.double.lt = inf]", [1e308], [], ""),
    ("double f = 1 [V.double = {not_in: [inf, 1]}]", [2], [1], "must be none of inf, 1.0"),
]
INSIDE: list[tuple[str, Any, str]] = [
    (
        "repeated string f = 1 [V.repeated.items.string.min_len = 2]",
        ["ab", "c"],
        "f[1]: must have at least 2 characters",
    ),
    ("repeated In f = 1", [{"s": "a"}, {"s": ""}], "f[1].s: must have at least 1 character"),
    ("map<string, int32> f = 1 [V.map.values.int32.gt = 0]", {"a": 1, "b": 0}, "f[b]: must be greater than 0"),
    ("map<string, int32> f = 1 [V.map.keys.string.min_len = 2]", {"a": 1}, "f[a]: must have at least 2 characters"),
    ("map<int32, In> f = 1", {"7": {"s": ""}}, "f[7].s: must have at least 1 character"),
    (
        "repeated Size f = 1 [V.repeated.items.enum.defined_only = true]",
        [0, 2],
        "f[1]: must be one of NONE, SMALL, LARGE",
    ),
    (
        "oneof one { option (buf.validate.oneof).required = true; string a = 1; In b = 2; }",
        {},
        "one: one of a, b is required",
    ),
    ("oneof one { In a = 1; In b = 2; }", {"a": {"s": ""}}, "a.s: must have at least 1 character"),
    ("M f = 1; string s = 2 [V.string.max_len = 1]", {"f": {"f": {"s": "ab"}}}, "f.f.s: must have at most 1 character"),
    ("In f = 1", {"f": {}}, "f.s: is required"),
    (
        "repeated google.protobuf.StringValue f = 1 [V.repeated.items.string.min_len = 2]",
        ["ab", "c"],
        "f[1]: must have at least 2 characters",
    ),
    (
        "map<string, google.protobuf.Int32Value> f = 1 [V.map.values.int32.gt = 2]",
        {"a": 3, "b": 2},
        "f[b]: must be greater than 2",
    ),
]


def proto_of(field: str, vocabulary: str = "(buf.validate.field)") -> str:
    end = "" if field.endswith("}") else ";"
    return f"{IMPORTS} message M {{ {field.replace('V.', vocabulary + '.')}{end} }}"


@pytest.mark.parametrize(("field", "good", "bad", "told"), CASES, ids=lambda v: v if isinstance(v, str) else "")
async def test_a_rule_is_kept_on_both_transports(
    tmp_path: Path, field: str, good: list[Any], bad: list[Any], told: str
) -> None:
    async with served(tmp_path, proto_of(field), echo) as things:
        for value in good:
            await things.data("POST", "/do", json={"f": value})
            message = json_format.ParseDict({"f": value}, things.pb.M())
            await things.client.do(message, Call.local())
            assert protovalidate.collect_violations(message) == [], (field, value)
        for value in bad:
            assert await things.refusal("POST", "/do", json={"f": value}) == f"f: {told}"
            message = json_format.ParseDict({"f": value}, things.pb.M())
            with pytest.raises(InvalidArgument) as refused:
                await things.client.do(message, Call.local())
            assert refused.value.message == f"f: {told}"
            assert protovalidate.collect_violations(message) != [], (field, value)


@pytest.mark.parametrize(("field", "value", "told"), INSIDE, ids=lambda v: v if isinstance(v, str) else "")
async def test_a_broken_rule_inside_is_told_by_its_way(tmp_path: Path, field: str, value: Any, told: str) -> None:
    async with served(tmp_path, proto_of(field), echo) as things:
        sent = value if isinstance(value, dict) and not field.startswith("map") else {"f": value}
        assert await things.refusal("POST", "/do", json=sent) == told


OLD_IMPORTS = IMPORTS.replace("buf/validate/", "validate/").replace("(buf.validate.field)", "(validate.rules)")
OLD: list[tuple[str, Any, Any, str]] = [
    ("string f = 1 [V.string = {min_len: 2, ignore_empty: true}]", "", "a", "f: must have at least 2 characters"),
    ("string f = 1 [V.string.uri_ref = true]", "/a", "a b", "f: must be a URI or a relative reference"),
    ("In f = 1 [V.message.required = true]", {"s": "a"}, None, "f: is required"),
    ("In f = 1 [V.message.skip = true]", {"s": ""}, 5, "f: must be an object"),
    ("Size f = 1 [V.enum = {defined_only: true, not_in: [0]}]", 1, 0, "f: must be none of 0"),
    (
        "repeated string f = 1 [V.repeated = {min_items: 1, items: {string: {len: 1}}}]",
        ["a"],
        ["ab"],
        "f[0]: must have exactly 1 character",
    ),
    ("google.protobuf.Duration f = 1 [V.duration.required = true]", "1s", None, "f: is required"),
    (
        "google.protobuf.Any f = 1 [V.any.required = true]",
        {"@type": "x/google.protobuf.Duration", "value": "1s"},
        None,
        "f: is required",
    ),
    (
        "map<string, string> f = 1 [V.map = {min_pairs: 1, no_sparse: true}]",
        {"a": ""},
        {},
        "f: must have at least 1 item",
    ),
    ("oneof f_ { option (validate.required) = true; string f = 1; }", "", None, "f_: one of f is required"),
]


@pytest.fixture(scope="module", autouse=True)
def validate(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What protoc makes of validate.proto, imported."""
    folder = tmp_path_factory.mktemp("validate")
    compile_protos(OLD_RULES, folder, "validate/validate.proto")
    sys.path.insert(0, str(folder))
    importlib.import_module("validate.validate_pb2")
    sys.path.remove(str(folder))


@pytest.mark.parametrize(("field", "good", "bad", "told"), OLD, ids=lambda v: v if isinstance(v, str) else "")
async def test_rules_of_protoc_gen_validate(tmp_path: Path, field: str, good: Any, bad: Any, told: str) -> None:
    end = "" if field.endswith("}") else ";"
    text = f"{OLD_IMPORTS} message M {{ {field.replace('V.', '(validate.rules).')}{end} }}"
    async with served(tmp_path, text, echo) as things:
        await things.data("POST", "/do", json={"f": good})
        assert await things.refusal("POST", "/do", json={"f": bad}) == told


UNENFORCED = {
    "cel": (
        "message M { string a = 1 [(buf.validate.field).cel = {id: 'x' expression: 'true'}]; }",
        "M.a: the rule 'cel' is not supported; check it in the service and take it away here",
    ),
    "message rule": (
        "message M { option (buf.validate.message).cel = {id: 'x' expression: 'true'}; string a = 1; }",
        "M: rules on a whole message are not supported",
    ),
    "pattern": (
        "message M { string a = 1 [(buf.validate.field).string.pattern = '(?=a)']; }",
        "M.a: the pattern '(?=a)' is none of RE2: ",
    ),
    "a method's name": (
        "message M { string HasField = 1; }",
        "M.HasField: protobuf's own messages in Python have a method HasField, which the field would hide; rename it",
    ),
}


@pytest.mark.parametrize("what", UNENFORCED)
def test_a_rule_that_would_not_be_enforced_is_an_error(tmp_path: Path, what: str) -> None:
    text, told = UNENFORCED[what]
    proto = f'import "buf/validate/validate.proto"; service Things {{ rpc Do(M) returns (M); }}\n\n{text}'
    response = answered(tmp_path, proto)
    assert f".proto:3: test.{response.error.split(':')[0].removesuffix('.proto')}.{told}" in response.error
    assert not response.file


def test_rules_of_messages_that_nobody_sends_do_not_matter(tmp_path: Path) -> None:
    unused = UNENFORCED["cel"][0].replace("message M", "message Unused")
    text = f'import "buf/validate/validate.proto"; {unused} message M {{}} service Things {{ rpc Do(M) returns (M); }}'
    assert answered(tmp_path, text).error == ""
