"""The Lua scripts do what their model in Python does, whatever is called in whatever order.

The model stands in for Redis in the tests of other services, so it must not differ from the scripts in anything.
"""

import asyncio
import secrets
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, precondition, rule
from shop_in_memory.parts import real_redis
from shop_in_memory.sales import MemoryRedis, MemorySales

from aiodtm import Barrier, BranchRefused, random_gid
from eshop_flash_sale.sale.sales import Take
from protoc_gen_fastapi.runtime import Refused, Unavailable

from .shelf import MemoryShelf, RedisShelf, Shelf

pytestmark = pytest.mark.parts
UNITS, USERS = st.integers(1, 4), st.integers(0, 2)
STOCK, LIMIT = st.sampled_from([1, 5, 40]), st.sampled_from([0, 3, 5])
BATCH = st.lists(st.tuples(USERS, UNITS), min_size=1, max_size=3)


class Sales(RuleBasedStateMachine):
    """Every call is made to both; answers and everything that can be seen must be equal."""

    branches = Bundle("branches")

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.model = MemorySales()
        self.memory = MemoryShelf(self.model, MemoryRedis(self.model))
        self.product = 2**63 + secrets.randbelow(2**62)
        self.version = 0
        self.token = "t0"
        self.refs: list[str] = []
        self.keyed: list[Take] = []

    @initialize(on_sale=st.sampled_from([True, True, True, False]), stock=STOCK, limit=LIMIT)
    def connect(self, on_sale: bool, stock: int, limit: int) -> None:
        self.opening = real_redis()
        self.redis = RedisShelf(self.runner.run(self.opening.__aenter__()))
        if on_sale:
            self.set(stock, limit)

    def teardown(self) -> None:
        async def clear() -> None:
            self.redis._products.add(self.product)
            await self.redis.clear()
            await self.opening.__aexit__(None, None, None)

        self.runner.run(clear())
        self.runner.close()

    def both(self, call: str, *args: Any, **kwargs: Any) -> Any:
        async def made(shelf: Shelf) -> Any:
            try:
                return await getattr(shelf.sales, call)(*args, **kwargs)
            except (Refused, Unavailable, BranchRefused) as error:
                return type(error)

        theirs, ours = (self.runner.run(made(shelf)) for shelf in (self.redis, self.memory))
        if call == "close" and isinstance(theirs, tuple):
            theirs, ours = ((version, sorted(items, key=lambda i: i.ref)) for version, items in (theirs, ours))
        assert theirs == ours
        return ours

    def items(self, batch: list[tuple[int, int]]) -> list[Take]:
        items = [Take(f"r{len(self.refs) + n}", user, units) for n, (user, units) in enumerate(batch)]
        self.refs += [item.ref for item in items]
        return items

    @rule(batch=BATCH)
    def buy_more(self, batch: list[tuple[int, int]]) -> None:
        self.buy(batch)

    @rule(batch=BATCH)
    def buy(self, batch: list[tuple[int, int]]) -> None:
        self.both("take", Barrier.of_message(random_gid()), self.product, self.items(batch), each=True)

    @rule(batch=BATCH, again=st.lists(st.integers(0, 30), max_size=2))
    def buy_with_keys(self, batch: list[tuple[int, int]], again: list[int]) -> None:
        """Some come again: what they took before is theirs, and is not taken twice."""
        old = [self.keyed[number] for number in again if number < len(self.keyed)]
        new = [replace(item, keyed=True) for item in self.items(batch)]
        self.keyed += new
        self.both("take", Barrier.of_message(random_gid()), self.product, [*old, *new], each=True)

    @rule(target=branches, batch=BATCH, each=st.booleans())
    def take(self, batch: list[tuple[int, int]], each: bool) -> str:
        gid = random_gid()
        self.both("take", Barrier(gid, "saga", "02", "action"), self.product, self.items(batch), each=each)
        return gid

    @rule(gid=branches, batch=BATCH)
    def take_again(self, gid: str, batch: list[tuple[int, int]]) -> None:
        """Whatever comes with the same branch: the first answer counts."""
        self.both("take", Barrier(gid, "saga", "02", "action"), self.product, self.items(batch), each=True)

    @rule(gid=branches)
    def give_back(self, gid: str) -> None:
        self.both("give_back", Barrier(gid, "saga", "02", "compensate"), self.product)

    @rule(target=branches)
    def give_back_first(self) -> str:
        gid = random_gid()
        self.give_back(gid)
        return gid

    @rule(number=st.integers(0, 30), resell=st.booleans())
    def settle(self, number: int, resell: bool) -> None:
        ref = self.refs[number] if number < len(self.refs) else "never"
        self.both("settle", self.product, [(ref, resell)])

    @rule(gid=branches, stock=STOCK, limit=LIMIT, user=USERS)
    def give_back_into_the_next_sale(self, gid: str, stock: int, limit: int, user: int) -> None:
        self.set(stock, limit)
        self.buy([(user, 1)])
        self.give_back(gid)

    @rule()
    def look(self) -> None:
        self.both("at_sight", [self.product, self.product + 1])

    @rule()
    def close(self) -> None:
        self.token = secrets.token_hex(4)
        self.both("close", self.product, self.token)

    def closed(self) -> bool:
        return self.product in self.model.sales and self.model.sales[self.product].state == "closed"

    @precondition(closed)
    @rule(stock=STOCK, limit=LIMIT)
    def open(self, stock: int, limit: int) -> None:
        self.version += 1
        self.both("open", self.product, self.token, self.version, stock, limit)

    @precondition(closed)
    @rule(stock=STOCK, limit=LIMIT)
    def open_again_with_what_mysql_has(self, stock: int, limit: int) -> None:
        """As after a restart of Redis: the version stays, and so does what each buyer has bought."""
        version = self.version or 1
        self.both("open", self.product, self.token, version, stock, limit, keep_buyers=True)

    @rule(stock=STOCK, limit=LIMIT)
    def set(self, stock: int, limit: int) -> None:
        self.close()
        self.open(stock, limit)

    @precondition(closed)
    @rule()
    def open_as_it_was(self) -> None:
        self.both("open", self.product, self.token, 0, 0, 0)

    @rule(token=st.sampled_from(["ours", "somebody else's"]), version=st.sampled_from([0, 99]))
    def open_once_more(self, token: str, version: int) -> None:
        """A reply was lost, or somebody was overtaken."""
        token = self.token if token == "ours" else token
        if not self.closed() or token != self.token:
            self.both("open", self.product, token, version, 5, 0)

    @invariant()
    def everything_is_equal_and_adds_up(self) -> None:
        if not hasattr(self, "redis"):
            return

        async def seen(shelf: Shelf) -> Any:
            product = self.product
            return await shelf.counters(product), await shelf.unsettled(product), await shelf.bought(product)

        theirs, ours = (self.runner.run(seen(shelf)) for shelf in (self.redis, self.memory))
        assert theirs == ours
        (_, set_, left, accepted, returned), _, bought = ours
        assert set_ == left + accepted - returned
        assert left >= 0
        assert all(units >= 0 for units in bought.values())


Sales.TestCase.settings = settings(stateful_step_count=40, deadline=None)
TestSales = Sales.TestCase
