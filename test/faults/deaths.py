"""Rows in which services and DTM die, at any moment or at a named point of the code."""

import asyncio
from collections.abc import Callable, Sequence

from scene import NeverStruckError, Scene, row

BRANCHES = ("order", "coupon", "stock", "pay")
PASSED_WITHIN = 25.0
# So many that it is the consumer who passes a point, and not somebody who places an order without the queue.
BUFFERED_AT_ONCE = 15
# The supervisor looks twice a second.
NOTICED_SECONDS = 0.6


def _nothing() -> None:
    pass


async def die_at(scene: Scene, points: Sequence[str], provoke: Callable[[], None] = _nothing) -> None:
    """Lets a service die at each of these points, one after the other, once it has come back from the one before.

    `provoke` is called when a point has been armed.
    """
    for point in points:
        await scene.some(0.3, 1.5)
        scene.shop.arm(point)
        provoke()
        for _ in range(int(PASSED_WITHIN / 0.1)):
            if not scene.shop.armed(point):
                break
            await asyncio.sleep(0.1)
        else:
            raise NeverStruckError(f"nothing passed {point} within {PASSED_WITHIN:.0f} s")
        scene.note(point)
        await asyncio.sleep(NOTICED_SECONDS)
        await scene.shop.new_supervisor()  # one that does not wait longer after each death
        await scene.shop.ready(point.partition(".")[0])


async def kill(scene: Scene, part: str) -> None:
    """Kills a part and waits until it works again."""
    scene.shop.kill(part)
    scene.note(f"SIGKILL {part}")
    await asyncio.sleep(NOTICED_SECONDS)
    await scene.shop.ready(part)


@row("stock-killed", "SIGKILL stock")
async def stock_killed(scene: Scene) -> None:
    for _ in range(2):
        await scene.some(1, 3)
        await kill(scene, "stock")


@row("flash-sale-points", "SIGKILL flash_sale at each crash point", patience=150)
async def flash_sale_points(scene: Scene) -> None:
    points = scene.shuffled("before_prepare", "before_take", "before_submit", "after_submit")
    points += scene.shuffled("before_produce", "after_produce")
    await die_at(scene, [f"flash_sale.{point}" for point in points])


@row("dtm-mysql-killed", "SIGKILL DTM-MySQL again and again")
async def dtm_mysql_killed(scene: Scene) -> None:
    for _ in range(4):
        await scene.some(0.5, 2.5)
        await kill(scene, "dtm-mysql")


@row("dtm-redis-killed", "SIGKILL DTM-Redis")
async def dtm_redis_killed(scene: Scene) -> None:
    for _ in range(3):
        await scene.some(0.5, 2.5)
        await kill(scene, "dtm-redis")


@row("branches-killed", "SIGKILL each branch service")
async def branches_killed(scene: Scene) -> None:
    for part in scene.shuffled(*BRANCHES):
        await scene.some(0.5, 2)
        await kill(scene, part)


@row("before-commit", "a branch dies before its commit", patience=150)
async def before_commit(scene: Scene) -> None:
    await die_at(scene, [f"{part}.before_commit.action" for part in scene.shuffled(*BRANCHES)])


@row("after-commit", "a branch dies after its commit and before its reply", patience=150)
async def after_commit(scene: Scene) -> None:
    await die_at(scene, [f"{part}.after_commit.action" for part in scene.shuffled(*BRANCHES)])


@row("undo-commit", "an undo dies before or after its commit", patience=150)
async def undo_commit(scene: Scene) -> None:
    # pay is the last branch: nothing that comes after it refuses, so its undo runs only where an action was lost.
    parts = [*scene.shuffled("coupon", "stock"), "order"]
    # Looked over before their saga, the bad orders would be refused without one, and nothing would be undone.
    await scene.shop.new_supervisor({"ESHOP_ORDER_SCREENING_BATCHES": "0"})
    scene.shop.kill("order")
    await asyncio.sleep(NOTICED_SECONDS)
    await scene.shop.ready("order")
    # stock is the last that refuses: its undo finds nothing to write, and so never comes to a commit of its own.
    when = [
        "after_commit" if part == "stock" else scene.rng.choice(("before_commit", "after_commit")) for part in parts
    ]
    await die_at(scene, [f"{part}.{moment}.compensate" for part, moment in zip(parts, when, strict=True)])


@row("gateway-killed", "the gateway killed in mid-request")
async def gateway_killed(scene: Scene) -> None:
    for _ in range(3):
        await scene.some(1, 3)
        await kill(scene, "gw")


@row("consumer-points", "the consumer dies around the saga's submit and the offset's commit", patience=150)
async def consumer_points(scene: Scene) -> None:
    points = scene.shuffled("before_submit", "after_submit", "before_offset", "after_offset")
    points += scene.shuffled("before_produce", "after_produce")

    def fill_the_queue() -> None:
        for _ in range(BUFFERED_AT_ONCE):
            scene.buyers.ask_soon(scene.buyers.buffered_request())

    await die_at(scene, [f"order.{point}" for point in points], fill_the_queue)
