"""Whatever is written to the order queue, the next good order is final at once."""

import asyncio
from typing import Any

from gateway_client import Gateway
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from patience import eventually
from queue_messages import OrderQueue, Raw
from running_stack import RunningStack

NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
HEADERS = st.lists(
    st.tuples(
        NAMES | st.sampled_from(["position", "reason", "replayed", "x-request-id", "x-eshop-mac", "place", "cut"]),
        st.none() | st.binary(max_size=2_000),
    ),
    max_size=60,
)
VALUES = (
    st.none()
    | st.binary(max_size=5_000)
    | st.builds(
        lambda start, times: start * times, st.sampled_from([b"[", b'{"a":', b"9", b"\xff"]), st.integers(0, 200_000)
    )
)
MESSAGES = st.lists(st.builds(Raw, VALUES, st.none() | st.binary(max_size=2_000), HEADERS), min_size=1, max_size=20)


async def test_after_any_messages_the_next_order_is_final_in_five_seconds(
    gw: Gateway, stack: RunningStack, product: int, user: int
) -> None:
    queue, loop = OrderQueue(stack), asyncio.get_running_loop()
    await gw.set_stock(product, 1_000)

    async def goes_on(messages: list[Raw]) -> None:
        await queue.write_raw(*messages)
        placed = await gw.notify(user, product)
        assert (await gw.settled(placed.order_id, within=5))["status"] == "confirmed"

    @settings(max_examples=30, deadline=None, suppress_health_check=list[Any](HealthCheck))
    @given(MESSAGES)
    def check(messages: list[Raw]) -> None:
        asyncio.run_coroutine_threadsafe(goes_on(messages), loop).result(60)

    await asyncio.to_thread(check)
    await eventually(lambda: _is_idle(queue), within=15)


async def _is_idle(queue: OrderQueue) -> bool:
    return await queue.lag() == 0
