"""Fields of every kind: how they come and go as JSON, in the form of the lab and in that of the specification."""

from pathlib import Path
from typing import Any

import pytest

from protoc_gen_fastapi.runtime import Call

from .serving import echo, served

KINDS = """
import "google/protobuf/any.proto"; import "google/protobuf/duration.proto";
import "google/protobuf/field_mask.proto"; import "google/protobuf/struct.proto";
import "google/protobuf/timestamp.proto"; import "google/protobuf/wrappers.proto";
service Things { rpc Do(All) returns (All) { option (google.api.http) = {post: "/do" body: "*"}; } }
enum Size { SMALL = 0; LARGE = 1; HUGE = 1; option allow_alias = true; }
message All {
  message Inner { string text = 1; Inner more = 2; enum Deep { NONE = 0; SOME = 5; } Deep deep = 3; }
  bytes data = 1; Size size = 2; repeated Size sizes = 3;
  map<string, int64> counts = 4; map<int32, Inner> inners = 5; map<bool, string> truths = 6;
  oneof choice { string word = 7; Inner inner = 8; uint64 number = 9; }
  Inner one = 10; repeated Inner many = 11; float single = 12; double wide = 13; optional int64 maybe = 14;
  google.protobuf.Timestamp at = 15; google.protobuf.Duration lasts = 16; google.protobuf.FieldMask mask = 17;
  google.protobuf.Struct facts = 18; google.protobuf.Value value = 19; google.protobuf.ListValue list = 20;
  google.protobuf.Int64Value boxed = 21; google.protobuf.StringValue title = 22; google.protobuf.Any any = 23;
  repeated google.protobuf.Timestamp times = 24; int64 some_long_name = 25; string renamed = 26 [json_name = "as"];
  string class = 27; string model_dump = 28; int32 int = 29; bool bool = 30; string str = 31; string body = 32;
  google.protobuf.NullValue nothing = 33; fixed64 large = 34; repeated bytes parts = 35; repeated float floats = 36;
}
"""


def one(**fields: Any) -> dict[str, Any]:
    return fields


SAME = [
    one(data="AP8="),
    one(size="LARGE"),
    one(sizes=["SMALL", "LARGE", 7]),
    one(counts={"a": 1, "b": -(2**62)}),
    one(inners={"5": {"text": "x", "more": None, "deep": "SOME"}}),
    one(truths={"true": "yes", "false": "no"}),
    one(word="", inner=None, number=None),
    one(number=2**64 - 1, word=None, inner=None),
    one(one={"text": "a", "more": {"text": "b", "more": None, "deep": "NONE"}, "deep": "NONE"}),
    one(many=[{"text": "a", "more": None, "deep": "NONE"}]),
    one(single=0.1),
    one(single=3.4028235e38),
    one(floats=[0.1, 1.4013e-45, 16777216.0, 1.1754944e-38]),
    one(wide=0.1),
    one(maybe=0),
    one(maybe=None),
    one(at="2026-01-31T12:00:00.000000005Z"),
    one(lasts="-1.500s"),
    one(mask="some,longName"),
    one(facts={"a": [1.0, None, {"b": True}]}),
    one(value=[1.0, "x"]),
    one(list=[1.0, {"a": None}]),
    one(boxed="5"),
    one(title=""),
    one(any={"@type": "type.googleapis.com/google.protobuf.Duration", "value": "1s"}),
    one(times=["2026-01-31T12:00:00Z"]),
    one(some_long_name=7, renamed="x"),
    one(**{"class": "a", "model_dump": "b", "int": 3, "bool": True, "str": "c", "body": "d"}),
    one(large=2**64 - 1),
    one(parts=["AA==", ""]),
]
TAKEN = [
    (one(data="_-8"), one(data="/+8=")),
    (one(size=1), one(size="LARGE")),
    (one(size="HUGE"), one(size="LARGE")),
    (one(size="1"), one(size="LARGE")),
    (one(size=9), one(size=9)),
    (one(someLongName="7", **{"as": "y"}), one(some_long_name=7, renamed="y")),
    (one(counts={"a": "5", "b": 6.0}), one(counts={"a": 5, "b": 6})),
    (one(boxed=5), one(boxed="5")),
    (one(wide="1.5", single=1), one(wide=1.5, single=1.0)),
    (one(maybe=7.0), one(maybe=7)),
    (one(unknown={"a": 1}, facts={"n": 1.25}), one(facts={"n": 1.25})),
    (one(nothing=None), one(nothing=None)),
]
REFUSED = [
    (one(data="a"), "data: must be a string in base64"),
    (one(data="===="), "data: must be a string in base64"),
    (one(inners={"1": {}, "01": {}}), "inners[01]: is written twice"),
    (one(at="2026-01-31T12:00:00+99:99"), "at: must be a time, as 2026-01-31T12:00:00Z"),
    (one(at="2026-1-1T1:1:1Z"), "at: must be a time, as 2026-01-31T12:00:00Z"),
    (one(lasts=" 1s"), "lasts: must be a duration in seconds, as 1.5s"),
    (one(lasts="1_0s"), "lasts: must be a duration in seconds, as 1.5s"),
    (one(data=5), "data: must be a string in base64"),
    (one(size="TINY"), "size: must be one of SMALL, LARGE, HUGE"),
    (one(size=1.5), "size: must be one of SMALL, LARGE, HUGE"),
    (one(sizes=["SMALL", "TINY"]), "sizes[1]: must be one of SMALL, LARGE, HUGE"),
    (one(counts={"a": "x"}), "counts[a]: must be a whole number"),
    (one(counts=[1]), "counts: must be an object"),
    (one(inners={"x": {}}), "inners[x]: must be a whole number"),
    (one(inners={"1": {"text": 1}}), "inners[1].text: must be a string"),
    (one(truths={"maybe": "x"}), "truths[maybe]: must be true or false"),
    (one(word="a", number=1), "number: can't be sent together with word"),
    (one(one={"more": {"more": {"text": 5}}}), "one.more.more.text: must be a string"),
    (one(single=1e39), "single: must be a number that 32 bits hold, at most 3.4028235e+38"),
    (one(single="NaN"), "single: must be a number"),
    (one(at="yesterday"), "at: must be a time, as 2026-01-31T12:00:00Z"),
    (one(at=5), "at: must be a time, as 2026-01-31T12:00:00Z"),
    (one(lasts="1 hour"), "lasts: must be a duration in seconds, as 1.5s"),
    (one(facts=[1]), "facts: must be an object"),
    (one(boxed="x"), "boxed: must be a whole number"),
    (
        one(any={"@type": "type.googleapis.com/no.such.Message"}),
        'any: must be an object whose "@type" names a known message',
    ),
    (one(times=["x"]), "times[0]: must be a time, as 2026-01-31T12:00:00Z"),
    (one(parts=[None]), "parts[0]: must be a string in base64"),
    (one(maybe=2**63), f"maybe: must be at most {2**63 - 1}"),
]


@pytest.mark.parametrize("sent", SAME, ids=str)
async def test_the_lab_writes_what_it_was_sent(tmp_path: Path, sent: dict[str, Any]) -> None:
    async with served(tmp_path, KINDS, echo) as things:
        data = await things.data("POST", "/do", json=sent)
        assert {name: data[name] for name in sent} == sent
        assert list(data) == [field.name for field in things.pb.All.DESCRIPTOR.fields]


@pytest.mark.parametrize(("sent", "written"), TAKEN, ids=str)
async def test_other_shapes_are_taken(tmp_path: Path, sent: dict[str, Any], written: dict[str, Any]) -> None:
    async with served(tmp_path, KINDS, echo) as things:
        data = await things.data("POST", "/do", json=sent)
        assert {name: data[name] for name in written} == written


@pytest.mark.parametrize(("sent", "message"), REFUSED, ids=str)
async def test_what_does_not_fit_is_refused_by_name(tmp_path: Path, sent: dict[str, Any], message: str) -> None:
    async with served(tmp_path, KINDS, echo) as things:
        assert await things.refusal("POST", "/do", json=sent) == message


async def test_what_is_no_number_is_told_as_protobuf_does(tmp_path: Path) -> None:
    async with served(
        tmp_path, KINDS, lambda pb: _Answers(pb.All(wide=float("nan"), floats=[float("-inf")]))
    ) as things:
        data = await things.data("POST", "/do", json={})
        assert (data["wide"], data["floats"]) == ("NaN", ["-Infinity"])


class _Answers:
    def __init__(self, reply: Any) -> None:
        self._reply = reply

    async def do(self, _request: Any, _call: Call) -> Any:
        return self._reply


async def test_a_request_that_nests_for_ever_is_refused(tmp_path: Path) -> None:
    deep: dict[str, Any] = {}
    for _ in range(200):
        deep = {"more": deep}
    async with served(tmp_path, KINDS, echo) as things:
        assert await things.refusal("POST", "/do", json={"one": deep}) == "body: is nested deeper than 100 levels"


async def test_int64_as_text_on_request(tmp_path: Path) -> None:
    async with served(tmp_path, KINDS, echo) as things:
        sent = {"counts": {"a": 5}, "maybe": 6, "at": "2026-01-31T12:00:00Z", "inners": {"1": {"text": "x"}}}
        headers = {"accept": "application/json;int64=string"}
        data = await things.data("POST", "/do", json=sent, headers=headers)
        assert (data["counts"], data["maybe"], data["at"]) == ({"a": "5"}, "6", "2026-01-31T12:00:00Z")


STANDARD = [
    (one(someLongName="7", size="LARGE", single=0.1), one(someLongName="7", size="LARGE", single=0.1)),
    (one(some_long_name=7), one(someLongName="7")),
    (one(someLongName=0, data="", size=0, counts={}, many=[], wide=0), {}),
    (one(wide="-Infinity", single="NaN", maybe="0"), one(wide="-Infinity", single="NaN", maybe="0")),
    (one(one={}), one(one={})),
    (one(number=1), one(number="1")),
    (one(counts={"a": 5}), one(counts={"a": "5"})),
    (one(**{"as": "x", "class": "y"}), one(**{"as": "x", "class": "y"})),
    (one(wide=-0.0), one(wide=-0.0)),
]


@pytest.mark.parametrize(("sent", "written"), STANDARD, ids=str)
async def test_the_form_of_the_specification(tmp_path: Path, sent: dict[str, Any], written: dict[str, Any]) -> None:
    async with served(tmp_path, KINDS, echo, options="json=proto,answers=plain") as things:
        response = await things.http.post("/do", json=sent)
        assert (response.status_code, response.json()) == (200, written)


async def test_plain_answers_tell_errors_as_a_status(tmp_path: Path) -> None:
    async with served(tmp_path, KINDS, echo, options="answers=plain") as things:
        response = await things.http.post("/do", json={"size": "TINY"})
        told = {"code": 3, "message": "size: must be one of SMALL, LARGE, HUGE", "details": []}
        assert (response.status_code, response.json()) == (400, told)


SWAPPED = """
service Things { rpc Do(M) returns (M) { option (google.api.http) = {post: "/do" body: "*"}; } }
message M { string a = 1 [json_name = "b"]; string b = 2 [json_name = "c"]; }
"""


async def test_a_name_that_two_fields_claim_is_json_s(tmp_path: Path) -> None:
    async with served(tmp_path, SWAPPED, echo) as things:
        assert await things.data("POST", "/do", json={"b": "x"}) == {"a": "x", "b": ""}


OLD = """syntax = "proto2"; package PACKAGE; import "google/api/annotations.proto";
service Things { rpc Do(Req) returns (Req) { option (google.api.http) = {post: "/do" body: "*"}; } }
enum Closed { ONE = 1; TWO = 2; }
message Req { required string a = 1; optional int32 n = 2 [default = 7]; optional Closed c = 3; repeated int32 r = 4; }
"""
EDITION = """edition = "2023"; package PACKAGE; import "google/api/annotations.proto";
service Things { rpc Do(Req) returns (Req) { option (google.api.http) = {post: "/do" body: "*"}; } }
message Req { string a = 1; int32 n = 2 [features.field_presence = IMPLICIT]; Req inner = 3; }
"""


async def test_proto2_keeps_presence_and_requires_what_is_required(tmp_path: Path) -> None:
    async with served(tmp_path, OLD, echo) as things:
        assert await things.data("POST", "/do", json={"a": ""}) == {"a": "", "n": None, "c": None, "r": []}
        assert (await things.data("POST", "/do", json={"a": "x", "n": 0, "c": "TWO"}))["c"] == "TWO"
        assert await things.refusal("POST", "/do", json={}) == "a: is required"
        assert await things.refusal("POST", "/do", json={"a": "x", "c": 9}) == "c: must be one of ONE, TWO"


async def test_editions_say_field_by_field_what_has_presence(tmp_path: Path) -> None:
    async with served(tmp_path, EDITION, echo) as things:
        assert await things.data("POST", "/do", json={}) == {"a": None, "n": 0, "inner": None}
        inner = {"a": "x", "n": 1, "inner": None}
        assert (await things.data("POST", "/do", json={"a": "", "inner": inner}))["inner"] == inner


async def test_the_document_shows_every_kind(tmp_path: Path) -> None:
    async with served(tmp_path, KINDS, echo) as things:
        shown = things.app.openapi()["components"]["schemas"]["All"]["properties"]
        assert shown["size"] == {"type": ["string", "null"], "enum": ["SMALL", "LARGE", "HUGE", None]}
        assert shown["data"]["format"] == "byte"
        assert shown["counts"]["additionalProperties"]["format"] == "int64"
        assert shown["at"]["format"] == "date-time"
        assert shown["one"] == {"$ref": "#/components/schemas/Inner"}
