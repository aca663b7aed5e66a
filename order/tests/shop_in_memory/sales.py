"""The flash sales in memory: what the Lua scripts do, in Python. Nothing awaits in between, so each call is atomic."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiodtm import Barrier, BranchRefused
from eshop_contract import Refusal, refusals
from eshop_flash_sale.sale import SALE_CLOSED, UNDONE, Keys, Take, Taken, refusals_of
from protoc_gen_fastapi.runtime import Refused, Unavailable

Business = Callable[[Any], tuple[str, Any]]


@dataclass
class Sale:
    state: str = "closed"
    token: str = ""
    version: int | None = None
    set: int = 0
    left: int = 0
    accepted: int = 0
    returned: int = 0
    limit: int = 0
    returned_closed: int = 0


@dataclass
class MemorySales:
    """Keeps sales as `Sales` does.

    `outcomes` are the barrier's, under the keys that they have in Redis; `taken_in` is the version of the sale in which
    the units of a reference were taken; `branches` are the products of each branch, and None where it was undone.
    """

    sales: dict[int, Sale] = field(default_factory=dict)
    unsettled: dict[int, dict[str, Take]] = field(default_factory=lambda: defaultdict(dict))
    taken_in: dict[str, int | None] = field(default_factory=dict)
    users: dict[int, dict[int, int]] = field(default_factory=lambda: defaultdict(dict))
    outcomes: dict[str, str] = field(default_factory=dict)
    branches: dict[tuple[str, str], set[int | None]] = field(default_factory=lambda: defaultdict(set))
    keyed: dict[int, set[str]] = field(default_factory=lambda: defaultdict(set))
    after_call: Callable[[], object] | None = None

    async def at_sight(self, products: Sequence[int]) -> dict[int, Refusal]:
        found = {product_id: self._refused_at_sight(product_id) for product_id in products}
        return {product_id: refusal for product_id, refusal in found.items() if refusal}

    def _refused_at_sight(self, product_id: int) -> Refusal | None:
        sale = self.sales.get(product_id)
        if sale is None:
            return refusals.NOT_ON_SALE(product=product_id)
        if sale.state != "open":
            return SALE_CLOSED
        return refusals.SOLD_OUT(product=product_id) if sale.left <= 0 else None

    async def take(self, barrier: Barrier, product_id: int, items: Sequence[Take], *, each: bool) -> Taken:
        state, result = self._act(barrier, product_id, lambda _: self._take(product_id, items, each=each))
        self._called()
        if state == "undone":
            raise BranchRefused("undone")
        return _taken(product_id, result)

    async def take_each(self, barrier: Barrier, takes: Mapping[int, Sequence[Take]]) -> Taken:
        found = [self._take_or_never(barrier, product_id, items) for product_id, items in takes.items()]
        self._called()
        accepted = frozenset(ref for taken in found for ref in taken.accepted)
        return Taken(accepted, {ref: why for taken in found for ref, why in taken.refused.items()})

    def _take_or_never(self, barrier: Barrier, product_id: int, items: Sequence[Take]) -> Taken:
        why = UNDONE
        try:
            state, result = self._act(barrier, product_id, lambda _: self._take(product_id, items, each=True))
        except Unavailable:
            why, state, result = SALE_CLOSED, "undone", ""
            self.outcomes[_key(barrier, product_id, barrier.op)] = "undone:"
        if state == "undone":
            return Taken(frozenset(), {item.ref: why for item in items})
        return _taken(product_id, result)

    async def give_back(self, barrier: Barrier, product_id: int) -> None:
        self._undo(barrier, product_id, lambda taken: self._give_back(product_id, taken))
        self._called()

    async def note_branch(self, barrier: Barrier, products: Iterable[int]) -> None:
        noted = self.branches[(barrier.gid, barrier.branch_id)]
        if None in noted:
            raise BranchRefused("undone")
        noted.update(products)
        self._called()

    async def end_branch(self, barrier: Barrier, products: Iterable[int]) -> list[int]:
        noted = self.branches[(barrier.gid, barrier.branch_id)]
        noted.update([*products, None])
        self._called()
        return sorted(product for product in noted if product is not None)

    async def close(self, product_id: int, token: str) -> tuple[int, list[Take]]:
        sale = self.sales.setdefault(product_id, Sale())
        sale.state, sale.token, sale.returned_closed = "closed", token, 0
        self._called()
        return sale.version or 0, list(self.unsettled[product_id].values())

    async def run_id(self, *, fresh: bool = False) -> str:
        return "run-1"

    async def open(
        self,
        product_id: int,
        token: str,
        version: int,
        units: int,
        limit: int,
        run_id: str = "",
        *,
        keep_buyers: bool = False,
    ) -> int:
        sale = self.sales.get(product_id)
        if sale is None or sale.token != token:
            raise Refused("this flash sale was set by somebody else")
        if sale.state != "open":
            self._open(product_id, sale, version, units, limit, keep_buyers=keep_buyers)
        self._called()
        return sale.version or 0

    async def settle(self, product_id: int, units: Sequence[tuple[str, bool]]) -> bool:
        for ref, resell in units:
            taken = self.unsettled[product_id].pop(ref, None)
            if taken is not None and resell:
                self._return(product_id, taken, self.taken_in.get(ref))
        self._called()
        return product_id in self.sales

    def _open(self, product_id: int, sale: Sale, version: int, units: int, limit: int, *, keep_buyers: bool) -> None:
        if version == 0:
            sale.state = "open"
            if sale.version is None:
                del self.sales[product_id]
            return
        left = units + sale.returned_closed
        self.sales[product_id] = Sale("open", sale.token, version, left, left, 0, 0, limit, 0)
        if not keep_buyers or sale.version != version:
            self.users[product_id].clear()
        sale.version = version

    def _take(self, product_id: int, items: Sequence[Take], *, each: bool) -> tuple[str, Any]:
        sale = self.sales.get(product_id)
        if sale is not None and sale.state == "closed":
            raise Unavailable(SALE_CLOSED.reason, short=SALE_CLOSED.short)
        accepted: list[Take] = []
        taken: list[Take] = []
        refused: list[tuple[str | int, ...]] = []
        for item in items:
            again = item.keyed and (item.ref in self.keyed[product_id] or item in taken)
            why = () if again else self._refusal(sale, self.users[product_id], taken, item)
            if why:
                refused.append((item.ref, *why))
            else:
                accepted.append(item)
                taken += [] if again else [item]
        if not accepted or (refused and not each):
            return "refused", {"accepted": [], "refused": refused}
        for item in taken:
            self._take_one(product_id, self.sales[product_id], item)
        version = sale.version if sale else None
        took = [[i.ref, str(i.user_id), i.count, version, i.amount, i.request_id] for i in accepted]
        return "ok", {"accepted": took, "refused": refused}

    def _refusal(
        self, sale: Sale | None, users: dict[int, int], accepted: list[Take], item: Take
    ) -> tuple[str | int, ...]:
        if sale is None:
            return (refusals.NOT_ON_SALE.short,)
        left = sale.left - sum(other.count for other in accepted)
        if item.count > left:
            return refusals.SOLD_OUT.short, item.count, left
        bought = users.get(item.user_id, 0) + sum(o.count for o in accepted if o.user_id == item.user_id)
        if sale.limit and item.user_id and bought + item.count > sale.limit:
            return refusals.LIMIT_REACHED.short, item.count, sale.limit, bought
        return ()

    def _take_one(self, product_id: int, sale: Sale, item: Take) -> None:
        sale.left -= item.count
        sale.accepted += item.count
        self.unsettled[product_id][item.ref] = item
        self.taken_in[item.ref] = sale.version
        if item.keyed:
            self.keyed[product_id].add(item.ref)
        if item.user_id:
            users = self.users[product_id]
            users[item.user_id] = users.get(item.user_id, 0) + item.count

    def _give_back(self, product_id: int, taken: Any) -> tuple[str, Any]:
        for ref, user, count, version, *_ in taken["accepted"]:
            self.unsettled[product_id].pop(ref, None)
            self._return(product_id, Take(ref, int(user), count), version)
        return "ok", ""

    def _return(self, product_id: int, item: Take, version: int | None) -> None:
        sale = self.sales.setdefault(product_id, Sale())
        sale.left += item.count
        sale.returned += item.count
        if sale.state == "closed":
            sale.returned_closed += item.count
        if item.user_id in self.users[product_id] and version == sale.version:
            self.users[product_id][item.user_id] -= item.count

    def _act(self, barrier: Barrier, product_id: int, business: Business) -> tuple[str, str]:
        key = _key(barrier, product_id, barrier.op)
        if key not in self.outcomes:
            status, result = business(None)
            self.outcomes[key] = f"{status}:{json.dumps(result, separators=(',', ':'))}"
        state, _, stored = self.outcomes[key].partition(":")
        undone = barrier.undone_by and _key(barrier, product_id, barrier.undone_by) in self.outcomes
        return ("undone", "") if state == "ok" and undone else (state, stored)

    def _undo(self, barrier: Barrier, product_id: int, business: Business) -> None:
        key = _key(barrier, product_id, barrier.op)
        if key in self.outcomes:
            return
        action = self.outcomes.setdefault(_key(barrier, product_id, barrier.undoes or ""), "undone:")
        status, _, result = action.partition(":")
        self.outcomes[key] = "empty:"
        if status == "ok":
            business(json.loads(result))
            self.outcomes[key] = "ok:"

    def _called(self) -> None:
        if self.after_call:
            self.after_call()


def _taken(product_id: int, result: str) -> Taken:
    found = json.loads(result)
    return Taken(frozenset(item[0] for item in found["accepted"]), refusals_of(product_id, found["refused"]))


def _key(barrier: Barrier, product_id: int, op: str) -> str:
    return f"{Keys(product_id).slot}:barrier:{barrier.gid}:{barrier.branch_id}:{op}"


class MemoryRedis:
    """Stands in for the Redis client, as far as check-backs and stored outcomes go."""

    def __init__(self, sales: MemorySales) -> None:
        self._outcomes = sales.outcomes

    async def get(self, key: str) -> str | None:
        return self._outcomes.get(key)

    async def set(self, key: str, value: str, *, ex: int) -> None:
        assert ex, "nothing is kept for ever"
        self._outcomes[key] = value

    async def evalsha(self, _sha: str, _number: int, key: str, *_args: Any) -> list[Any]:
        """The check-back: the only script that needs no sale."""
        repeated = key in self._outcomes
        state, _, result = self._outcomes.setdefault(key, "undone:").partition(":")
        return [state, result, int(repeated)]

    def pipeline(self, *, transaction: bool) -> "MemoryPipeline":
        assert not transaction, "keys of several slots"
        return MemoryPipeline(self)


class MemoryPipeline:
    """Several GETs in one round trip."""

    def __init__(self, redis: MemoryRedis) -> None:
        self._redis = redis
        self._keys: list[str] = []

    def get(self, key: str) -> None:
        self._keys.append(key)

    async def execute(self) -> list[str | None]:
        return [await self._redis.get(key) for key in self._keys]
