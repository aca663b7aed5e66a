"""Replicas of order and stock: while one is sick, and while they are replaced one after the other, nobody notices."""

import asyncio
import subprocess
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

import fresh
import httpx
import pytest
from compose_project import BACK_WITHIN, ComposeProject, inspect
from gateway_client import Answer, Gateway
from patience import eventually

SERVICES = ("order", "stock")
HTTP_PORT = {"order": 30280, "stock": 30380}
SHOPPERS = 4
BETWEEN = 0.02
# So long the load goes on while a replica is sick.
SICK_SECONDS = 20.0
FINAL_WITHIN = 60.0


@dataclass
class Shoppers:
    """Callers of every kind, one request after the other each; they keep what was not answered as it should be."""

    gw: Gateway
    product: int
    answered: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    accepted: list[str] = field(default_factory=list)
    slowest: float = 0.0

    async def shop(self) -> None:
        orders = (self._direct, self._buffered, self._flash)
        await asyncio.gather(*(self._go_on(kind) for kind in (*orders, self._lists) for _ in range(SHOPPERS)))

    async def _go_on(self, kind) -> None:
        while True:
            began = time.monotonic()
            try:
                answer: Answer = await kind()
            except httpx.HTTPError as error:
                self.failures.append(f"{kind.__name__}: {error!r}")
            else:
                self._keep(kind.__name__, answer)
            self.slowest = max(self.slowest, time.monotonic() - began)
            await asyncio.sleep(BETWEEN)

    def _keep(self, kind: str, answer: Answer) -> None:
        if (answer.status, answer.code) != (200, 0):
            self.failures.append(f"{kind}: {answer}")
            return
        self.answered[kind] += 1
        if "orderID" in answer.data:
            self.accepted.append(answer.order_id)

    async def _direct(self) -> Answer:
        return await self.gw.submit(fresh.user_id(), self.product)

    async def _buffered(self) -> Answer:
        return await self.gw.notify(fresh.user_id(), self.product)

    async def _flash(self) -> Answer:
        return await self.gw.flash(fresh.user_id(), self.product)

    async def _lists(self) -> Answer:
        return await self.gw.ask("GET", "/api/v1/stock/list", params={"page": 0, "limit": 5})

    def prove(self) -> None:
        told = f"{sum(self.answered.values())} requests, the slowest {self.slowest:.2f} s: {dict(self.answered)}"
        assert not self.failures, f"{len(self.failures)} failed beside {told}: {self.failures[:5]}"
        assert set(self.answered) == {"_direct", "_buffered", "_flash", "_lists"}, told
        print(f"0 failed of {told}")


@asynccontextmanager
async def shoppers_in(gw: Gateway, product: int) -> AsyncIterator[Shoppers]:
    """A load that goes on until the block ends; requests under way then are answered."""
    await gw.set_flash(product, 1_000_000)
    shoppers = Shoppers(gw, product)
    task = asyncio.create_task(shoppers.shop())
    try:
        await eventually(lambda: len(shoppers.answered) == SHOPPERS, within=BACK_WITHIN)
        yield shoppers
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture(params=SERVICES)
def service(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.mark.timeout(300)
async def test_a_container_that_lost_its_database_is_left_alone(
    project: ComposeProject, gw: Gateway, product: int, service: str
) -> None:
    sick = project.containers(service)[0]
    place = project.published(sick, HTTP_PORT[service])
    with without_mysql(project, sick):
        await eventually(lambda: _ready(place, 503), within=BACK_WITHIN)
        async with shoppers_in(gw, product) as shoppers:
            await asyncio.sleep(SICK_SECONDS)
        shoppers.prove()
        for order_id in shoppers.accepted:
            await gw.settled(order_id, within=FINAL_WITHIN)

    await eventually(lambda: _ready(place, 200), within=BACK_WITHIN)


@pytest.mark.timeout(400)
async def test_containers_are_replaced_one_by_one_under_load(
    project: ComposeProject, gw: Gateway, product: int, service: str
) -> None:
    async with shoppers_in(gw, product) as shoppers:
        for container in project.containers(service):
            began = time.monotonic()
            await asyncio.to_thread(docker, "restart", "--time", "20", container)
            await eventually(lambda one=container: project.healthy(one), within=BACK_WITHIN, every=0.5)
            print(f"{service} restarted, healthy again after {time.monotonic() - began:.1f} s")
            await asyncio.sleep(1)

    shoppers.prove()
    for order_id in shoppers.accepted:
        await gw.settled(order_id, within=FINAL_WITHIN)


async def _ready(place: str, status: int) -> bool:
    async with httpx.AsyncClient(trust_env=False) as http:
        return (await http.get(f"http://{place}/readyz")).status_code == status


@contextmanager
def without_mysql(project: ComposeProject, container: str) -> Iterator[None]:
    """Packets of this container to MySQL find no way; everybody still reaches the container itself."""
    (mysql,) = project.containers("mysql")
    addresses = inspect(mysql, "{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}").split()
    inside = ["nsenter", "--net", "--target", inspect(container, "{{.State.Pid}}"), "ip", "route"]
    for address in addresses:
        subprocess.run([*inside, "add", "unreachable", f"{address}/32"], capture_output=True, check=True)
    try:
        yield
    finally:
        for address in addresses:
            subprocess.run([*inside, "del", "unreachable", f"{address}/32"], capture_output=True, check=True)


def docker(*words: str) -> None:
    subprocess.run(["docker", *words], capture_output=True, check=True)
