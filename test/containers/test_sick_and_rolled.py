"""Replicas of order and stock: while one is sick, and while they are replaced one after the other, nobody notices."""

import asyncio
import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager

import httpx
import pytest
from compose_project import BACK_WITHIN, ComposeProject, inspect
from gateway_client import Gateway
from patience import eventually
from shoppers import Shoppers, shoppers_in

SERVICES = ("order", "stock")
HTTP_PORT = {"order": 30280, "stock": 30380}
OF_EACH_KIND = 4
# So long the load goes on while a replica is sick.
SICK_SECONDS = 20.0
FINAL_WITHIN = 60.0


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
        async with shoppers_in(gw, product, each=OF_EACH_KIND) as shoppers:
            await asyncio.sleep(SICK_SECONDS)
        assert await _ready(place, 503)
        await _prove(shoppers)

    await eventually(lambda: _ready(place, 200), within=BACK_WITHIN)


@pytest.mark.timeout(400)
async def test_containers_are_replaced_one_by_one_under_load(
    project: ComposeProject, gw: Gateway, product: int, service: str
) -> None:
    async with shoppers_in(gw, product, each=OF_EACH_KIND) as shoppers:
        for container in project.containers(service):
            began = time.monotonic()
            await asyncio.to_thread(docker, "restart", "--time", "20", container)
            await eventually(lambda one=container: project.healthy(one), within=BACK_WITHIN, every=0.5)
            print(f"{service} restarted, healthy again after {time.monotonic() - began:.1f} s")
            await shoppers.get_some_more()

    await _prove(shoppers)


async def _prove(shoppers: Shoppers) -> None:
    """No request failed, and every order that was accepted has its outcome."""
    shoppers.prove_that_none_failed()
    for order_id in shoppers.accepted:
        await shoppers.gw.settled(order_id, within=FINAL_WITHIN)


async def _ready(place: str, status: int) -> bool:
    async with httpx.AsyncClient(trust_env=False) as http:
        return (await http.get(f"http://{place}/readyz")).status_code == status


@contextmanager
def without_mysql(project: ComposeProject, container: str) -> Generator[None]:
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
