"""Several DTMs behind one name: they are used in turn, and one that is gone costs no request."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import grpc.aio
import pytest

from aiodtm import open_dtm
from aiodtm._wire.dtm_pb2 import NewGidReply

CALLS = 20


class SmallDtm:
    """A gRPC server that answers NewGid with its own name."""

    def __init__(self, name: str) -> None:
        self.server = grpc.aio.server()
        handler = grpc.unary_unary_rpc_method_handler(self._new_gid, response_serializer=NewGidReply.SerializeToString)
        self.server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler("dtmgimp.Dtm", {"NewGid": handler}),)
        )
        self.port = self.server.add_insecure_port("127.0.0.1:0")
        self._name = name

    async def _new_gid(self, _request: bytes, _context: Any) -> NewGidReply:
        return NewGidReply(Gid=self._name)


@pytest.fixture
async def both() -> AsyncIterator[tuple[SmallDtm, SmallDtm]]:
    dtms = SmallDtm("one"), SmallDtm("two")
    for dtm in dtms:
        await dtm.server.start()
    yield dtms
    for dtm in dtms:
        await dtm.server.stop(0)


async def test_they_take_turns_and_the_other_goes_on_when_one_stops(both: tuple[SmallDtm, SmallDtm]):
    one, two = both
    async with open_dtm(grpc=f"ipv4:127.0.0.1:{one.port},127.0.0.1:{two.port}") as dtm:
        async with asyncio.timeout(10):
            while {await dtm.new_gid() for _ in range(CALLS)} != {"one", "two"}:
                pass  # one connection is ready before the other
        assert Counter([await dtm.new_gid() for _ in range(CALLS)]) == {"one": CALLS // 2, "two": CALLS // 2}
        await one.server.stop(0)
        assert {await dtm.new_gid() for _ in range(CALLS)} == {"two"}
