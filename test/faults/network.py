"""Rows in which replies are lost, and calls come late, twice or in the wrong order."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import chain

import fresh
import grpc.aio
from databases import Databases, Row
from line import Line
from scene import Scene, row

BRANCH_LINES = ("order_grpc", "stock_grpc", "coupon_grpc", "pay_grpc")
RECENT_CALLS = (
    "SELECT b.gid, b.url, b.bin_data, b.branch_id, b.op, b.status, g.status AS outcome"
    " FROM dtm.trans_branch_op b JOIN dtm.trans_global g ON g.gid = b.gid WHERE g.trans_type = 'saga'"
    " AND g.create_time > NOW() - INTERVAL 8 SECOND ORDER BY b.id DESC LIMIT 400"
)


async def lose_replies(scene: Scene, line: Line, of: str, seconds: float) -> None:
    """Lets calls of the process through and holds back the answers, then cuts their connections."""
    line.hold_replies(scene.shop.pid(of))
    await asyncio.sleep(seconds)
    lost = line.cut(scene.shop.pid(of))
    line.flow()
    if lost:
        scene.note(f"{lost} connections of {of} at port {line.port}")


@row("branch-replies-lost", "replies from branches to DTM dropped", patience=150)
async def branch_replies_lost(scene: Scene) -> None:
    for _ in range(6):
        await scene.some(0.3, 1.5)
        line = scene.lines[scene.rng.choice(BRANCH_LINES)]
        # DTM itself gives a branch up after 3 s.
        await lose_replies(scene, line, "dtm-mysql", scene.rng.choice((0.1, 0.5, 3.5)))
    await lose_replies(scene, scene.lines["flash_sale_grpc"], "dtm-redis", 0.5)


@row("submit-replies-lost", "replies to Submit dropped", patience=150)
async def submit_replies_lost(scene: Scene) -> None:
    for _ in range(4):
        for line, of in (("dtm_mysql_grpc", "order"), ("dtm_redis_grpc", "flash_sale")):
            await scene.some(0.2, 1)
            await lose_replies(scene, scene.lines[line], of, scene.rng.choice((0.05, 0.3, 2.5)))


@row("last-unit-reply-lost", "the reply of the Lua call dropped with one unit left")
async def last_unit_reply_lost(scene: Scene) -> None:
    for _ in range(5):
        product = fresh.product_id()
        scene.shelf.more.append(product)
        await scene.gw.set_flash(product, 1)
        asked = [scene.buyers.ask_soon(scene.buyers.flash_request(product)) for _ in range(3)]
        await scene.some(0, 0.03)
        await lose_replies(scene, scene.lines["redis"], "flash_sale", scene.rng.uniform(0.05, 2.5))
        await asyncio.wait(asked)


@row("check-back-race", "check-back racing a slow Lua call", patience=150)
async def check_back_race(scene: Scene) -> None:
    """What has been sent to Redis arrives seconds later, while DTM asks about it over other connections."""
    for _ in range(3):
        await scene.some(0.5, 2)
        line = scene.lines["redis"]
        line.hold(scene.shop.pid("flash_sale"))
        await scene.some(4, 9)
        line.flow()
        scene.note("Lua calls late")


@row("echoes", "actions and reverts repeated and reordered")
async def echoes(scene: Scene) -> None:
    """Calls branches again as DTM called them, at any later time and in any order."""
    ends = asyncio.get_running_loop().time() + 12
    db = Databases(scene.shop.running)
    channels: dict[str, grpc.aio.Channel] = {}
    count = 0
    try:
        while asyncio.get_running_loop().time() < ends:
            calls = await asyncio.to_thread(db.rows, RECENT_CALLS)
            heard = list(may_be_heard(calls))
            for call in chain(*scene.rng.sample(heard, min(len(heard), 25))):
                address, _, path = call["url"].partition("/")
                channel = channels.setdefault(address, grpc.aio.insecure_channel(address))
                await _echo(channel, f"/{path}", call)
                count += 1
            await scene.some(0.02, 0.2)
    finally:
        db.close()
        for channel in channels.values():
            await channel.close()
    scene.note(f"{count} calls repeated")


def may_be_heard(calls: Sequence[Row]) -> Iterator[tuple[Row, ...]]:
    """What the network may bring about: every call that was made, once more; and in a saga that failed, an action that
    its own undo has overtaken. An action that was never called is never heard otherwise: nobody would undo it.
    """
    actions = {(call["gid"], call["branch_id"]): call for call in calls if call["op"] == "action"}
    for call in calls:
        if call["status"] != "prepared":
            yield (call,)
        elif call["op"] == "compensate" and call["outcome"] == "failed":
            late = actions.get((call["gid"], call["branch_id"]))
            yield (call, late) if late else (call,)


async def _echo(channel: grpc.aio.Channel, path: str, call: Row) -> None:
    metadata = [
        ("dtm-gid", str(call["gid"])),
        ("dtm-trans_type", "saga"),
        ("dtm-branch_id", str(call["branch_id"])),
        ("dtm-op", str(call["op"])),
    ]
    with suppress(grpc.aio.AioRpcError):
        await channel.unary_unary(path)(call["bin_data"], metadata=metadata, timeout=5)
