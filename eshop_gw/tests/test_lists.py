"""The gateway's lists: identical ones that arrive together are one call to the service behind."""

import asyncio
from functools import partial

from eshop_chassis.calls import Turns
from eshop_protos.user.v1 import user_pb2
from protoc_gen_fastapi.runtime import InvalidArgument


async def users(gw, request_id: str = ""):
    headers = {"x-request-id": request_id} if request_id else None
    return await gw.http.get("/api/v1/user/list", params={"page": 2, "limit": 5}, headers=headers)


async def test_identical_lists_that_arrive_together_are_one_call(gw, upstreams):
    answers = await asyncio.gather(*(users(gw) for _ in range(20)))
    assert {answer.json()["data"]["total"] for answer in answers} == {1}
    assert len(upstreams["user"].asked) < 20


async def test_a_list_does_not_join_a_call_that_began_before_it_was_asked_for(gw, upstreams):
    begun, free = asyncio.Event(), asyncio.Event()

    async def slow(_request):
        begun.set()
        await free.wait()
        return user_pb2.ListUserReply(total=1)

    upstreams["user"].answers["list"] = [slow, user_pb2.ListUserReply(total=2)]
    first = asyncio.create_task(users(gw))
    await begun.wait()
    later = [asyncio.create_task(users(gw)) for _ in range(10)]
    await asyncio.sleep(0.05)
    free.set()
    assert (await first).json()["data"]["total"] == 1
    assert {answer.json()["data"]["total"] for answer in await asyncio.gather(*later)} == {2}


async def test_an_error_reaches_everybody_under_their_own_request_id(gw, upstreams):
    upstreams["user"].answers["list"] = InvalidArgument("params.page", "must be 0 or more")
    answers = await asyncio.gather(*(users(gw, f"r-{n}") for n in range(10)))
    assert {answer.status_code for answer in answers} == {400}
    assert [answer.headers["x-request-id"] for answer in answers] == [f"r-{n}" for n in range(10)]


async def test_a_caller_who_goes_away_harms_no_other(gw, upstreams):
    free = asyncio.Event()

    async def slow(_request):
        await free.wait()
        return user_pb2.ListUserReply(total=9)

    upstreams["user"].answers["list"] = slow
    asked = [asyncio.create_task(users(gw)) for _ in range(5)]
    await asyncio.sleep(0.05)
    asked[0].cancel()
    await asyncio.sleep(0)
    free.set()
    answers = await asyncio.gather(*asked[1:])
    assert [answer.json()["data"]["total"] for answer in answers] == [9] * 4


async def test_all_lists_take_turns_while_sharing_pays(open_gateway, upstreams, monkeypatch):
    monkeypatch.setattr("eshop_chassis.calls.shared_reads.WORTH_A_WAIT", 0)
    monkeypatch.setattr("eshop_gw.service.Turns", partial(Turns, seconds=60))
    gw = await open_gateway(gw_lists_at_a_time=1)
    begun, free = asyncio.Event(), asyncio.Event()

    async def slow(_request):
        begun.set()
        await free.wait()
        return user_pb2.ListUserReply(total=9)

    upstreams["user"].answers["list"] = slow
    first = asyncio.create_task(users(gw))
    await begun.wait()
    second = asyncio.create_task(gw.http.get("/api/v1/product/list", params={"page": 0, "limit": 5}))
    await asyncio.sleep(0.2)
    assert upstreams["product"].rpcs == []
    free.set()
    assert [(await answer).status_code for answer in (first, second)] == [200, 200]
