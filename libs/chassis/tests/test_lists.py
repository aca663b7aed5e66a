"""The list rpc of a service: identical ones share a query, different ones do not."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from eshop_chassis.crud.list_rpc import SharedLists
from eshop_protos.types.types_pb2 import Column, Params
from eshop_protos.user.v1 import user_pb2 as pb
from protoc_gen_fastapi.runtime import InvalidArgument


class Store:
    def __init__(self) -> None:
        self.asked: list[Params] = []

    async def list(self, db: object, params: Params) -> tuple[int, list[pb.User]]:
        self.asked.append(params)
        await asyncio.sleep(0)
        if params.sort:
            raise InvalidArgument("params.sort", "is not a column")
        return 7, [pb.User(id=params.page)]


@pytest.fixture
def lists():
    db: Any = SimpleNamespace()
    return SharedLists("trial", db, pb.ListUserReply)


async def test_identical_lists_that_arrive_together_are_one_query(lists):
    store = Store()
    replies = await asyncio.gather(*(lists(store.list, Params(page=3, limit=10)) for _ in range(20)))
    assert replies == [pb.ListUserReply(total=7, users=[pb.User(id=3)])] * 20
    assert len(store.asked) == 1


async def test_lists_that_differ_in_anything_are_queries_of_their_own(lists):
    store = Store()
    different = [
        Params(limit=10),
        Params(limit=11),
        Params(page=1, limit=10),
        Params(limit=10, columns=[Column(name="id", value="1")]),
        Params(limit=10, columns=[Column(name="id", value="2")]),
    ]
    await asyncio.gather(*(lists(store.list, params) for params in different))
    assert store.asked == different


async def test_everybody_is_told_what_is_wrong_with_the_list(lists):
    asked = [lists(Store().list, Params(limit=1, sort="x")) for _ in range(3)]
    for answer in await asyncio.gather(*asked, return_exceptions=True):
        assert isinstance(answer, InvalidArgument)
        assert answer.field == "params.sort"
