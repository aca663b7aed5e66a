"""Where the units of a flash sale lie: the Python model or the real Redis, with the same handles for tests."""

from typing import Any

from redis.asyncio import Redis
from shop_in_memory.key_records import MemoryKeyRecords
from shop_in_memory.sales import MemoryRedis, MemorySales

from aiodtm import Barrier, random_gid
from eshop_chassis import KEPT_SECONDS
from eshop_flash_sale.idempotency.records import REFUSAL_KEPT_SECONDS, Claim, KeyRecords
from eshop_flash_sale.sale.sales import Keys, Sales, Take, Taken

LEASE_SECONDS = 9.0
MOST_KEYS = 20
Counters = tuple[str | None, int, int, int, int]


class Shelf:
    """The sales, and what tests do with them."""

    sales: Any
    redis: Any
    keys: Any

    async def opened(self, product: int, stock: int, *, limit: int = 0, version: int = 1) -> None:
        """Puts a product on sale, as the stock service does."""
        token = random_gid()
        await self.sales.close(product, token)
        await self.sales.open(product, token, version, stock, limit)

    async def buy(self, product: int, ref: str, user: int = 0, units: int = 1, gid: str = "") -> Taken:
        """Takes units as a buyer does, in a message of its own unless `gid` names one."""
        barrier = Barrier.of_message(gid or random_gid())
        return await self.sales.take(barrier, product, [Take(ref, user, units)], each=True)

    async def pass_lease(self, claim: Claim) -> None:
        """The claim of a key is as old as a claim may get."""
        raise NotImplementedError

    async def kept_seconds(self, claim: Claim) -> int | None:
        """For how long a key's record is kept from now on; None without one."""
        raise NotImplementedError

    async def counters(self, product: int) -> Counters:
        """(state, set, left, accepted, returned)."""
        raise NotImplementedError

    async def unsettled(self, product: int) -> dict[str, Take]:
        """Units that were taken and not settled."""
        raise NotImplementedError

    async def bought(self, product: int) -> dict[int, int]:
        """Units per buyer in this sale."""
        raise NotImplementedError


class MemoryShelf(Shelf):
    def __init__(self, sales: MemorySales, redis: MemoryRedis) -> None:
        self.sales, self.redis, self.keys = sales, redis, MemoryKeyRecords(most_per_user=MOST_KEYS)

    async def counters(self, product: int) -> Counters:
        sale = self.sales.sales.get(product)
        return (sale.state, sale.set, sale.left, sale.accepted, sale.returned) if sale else (None, 0, 0, 0, 0)

    async def unsettled(self, product: int) -> dict[str, Take]:
        return dict(self.sales.unsettled[product])

    async def bought(self, product: int) -> dict[int, int]:
        return dict(self.sales.users[product])

    async def pass_lease(self, claim: Claim) -> None:
        self.keys.now += LEASE_SECONDS + 1

    async def kept_seconds(self, claim: Claim) -> int | None:
        record = self.keys.records.get(claim.record)
        return None if record is None else KEPT_SECONDS if record.counts else REFUSAL_KEPT_SECONDS


class RedisShelf(Shelf):
    def __init__(self, redis: Redis) -> None:
        self.sales, self.redis = Sales(redis), redis
        self.keys = KeyRecords(redis, lease_seconds=LEASE_SECONDS, most_per_user=MOST_KEYS)
        self._products: set[int] = set()

    async def opened(self, product: int, stock: int, *, limit: int = 0, version: int = 1) -> None:
        self._products.add(product)
        await super().opened(product, stock, limit=limit, version=version)

    async def buy(self, product: int, ref: str, user: int = 0, units: int = 1, gid: str = "") -> Taken:
        self._products.add(product)
        return await super().buy(product, ref, user, units, gid)

    async def counters(self, product: int) -> Counters:
        self._products.add(product)
        names = ["state", "set", "left", "accepted", "returned"]
        state, *numbers = await self.redis.hmget(Keys(product).sale, names)
        put_in, left, accepted, returned = (int(n or 0) for n in numbers)
        return state, put_in, left, accepted, returned

    async def unsettled(self, product: int) -> dict[str, Take]:
        found = await self.redis.hgetall(Keys(product).unsettled)
        return {ref: Take(ref, int(units.split(":")[1]), int(units.split(":")[0])) for ref, units in found.items()}

    async def bought(self, product: int) -> dict[int, int]:
        return {int(user): int(units) for user, units in (await self.redis.hgetall(Keys(product).users)).items()}

    async def pass_lease(self, claim: Claim) -> None:
        await self.redis.hset(claim.record, "until", 1)

    async def kept_seconds(self, claim: Claim) -> int | None:
        seconds = await self.redis.ttl(claim.record)
        return seconds if seconds >= 0 else None

    async def clear(self) -> None:
        """Removes everything of the products of this test."""
        for product in self._products:
            keys = [key async for key in self.redis.scan_iter(f"{Keys(product).slot}:*", count=10_000)]
            if keys:
                await self.redis.delete(*keys)
