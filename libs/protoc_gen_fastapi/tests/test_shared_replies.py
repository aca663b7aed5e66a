"""Replies that several calls share are encoded once; all others each time."""

from types import ModuleType
from typing import Any

from protoc_gen_fastapi.runtime import Call, shares_replies
from protoc_gen_fastapi.runtime.shared_replies import EncodedOnce


class Encoder:
    def __init__(self) -> None:
        self.encoded: list[int] = []

    def __call__(self, reply: Any) -> bytes:
        self.encoded.append(reply.total)
        return b"%d" % reply.total


class Zoo:
    @shares_replies
    async def find(self, request: Any, call: Call) -> Any: ...

    async def count(self, request: Any, call: Call) -> Any: ...


def test_a_shared_reply_is_encoded_once_for_all_who_get_it(pb: ModuleType) -> None:
    encoder = Encoder()
    body = EncodedOnce(encoder, Zoo().find)
    first, second = pb.FindReply(total=1), pb.FindReply(total=2)
    assert [body(reply) for reply in (first, first, second, second, first)] == [b"1", b"1", b"2", b"2", b"1"]
    assert encoder.encoded == [1, 2, 1]


def test_equal_replies_that_are_not_the_same_are_encoded_each(pb: ModuleType) -> None:
    encoder = Encoder()
    body = EncodedOnce(encoder, Zoo().find)
    assert [body(pb.FindReply(total=1)) for _ in range(2)] == [b"1", b"1"]
    assert encoder.encoded == [1, 1]


def test_without_the_mark_a_reply_may_change_between_answers(pb: ModuleType) -> None:
    body = EncodedOnce(Encoder(), Zoo().count)
    reply = pb.FindReply(total=1)
    assert body(reply) == b"1"
    reply.total = 2
    assert body(reply) == b"2"
