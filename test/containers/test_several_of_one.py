"""Several containers of order and of stock share the work: branches go to each of them, and so does the queue."""

import asyncio
from collections.abc import Collection

import fresh
import httpx
import pytest
from compose_project import ComposeProject
from confluent_kafka.admin import AdminClient
from gateway_client import Gateway
from patience import eventually
from queue_messages import GROUP
from running_stack import RunningStack

PORTS = {"order": 30280, "stock": 30380}
PARTITIONS = 6
AT_ONCE = 6
# Callers look for replicas that were added once a minute.
FOUND_WITHIN = 100.0


@pytest.mark.parametrize("service", PORTS)
@pytest.mark.timeout(240)
async def test_branches_are_called_at_every_container(
    project: ComposeProject, gw: Gateway, product: int, service: str
) -> None:
    await gw.set_flash(product, 100_000)
    containers = project.containers(service)
    assert len(containers) == project.count(service) > 1
    places = [project.published(container, PORTS[service]) for container in containers]

    async def all_were_called() -> bool:
        await asyncio.gather(*(gw.submit(fresh.user_id(), product) for _ in range(AT_ONCE)))
        return 0 not in await _calls(service, places)

    await eventually(all_were_called, within=FOUND_WITHIN)
    print(f"branches called at each {service}: {', '.join(str(calls) for calls in await _calls(service, places))}")


async def _calls(service: str, places: Collection[str]) -> list[int]:
    """How many rpcs each of these containers has answered over gRPC since it started."""
    async with httpx.AsyncClient(trust_env=False) as http:
        pages = [(await http.get(f"http://{place}/metrics")).text for place in places]
    return [sum(_counts(page, f'method="/api.{service}.')) for page in pages]


def _counts(page: str, method: str) -> list[int]:
    lines = (line for line in page.splitlines() if line.startswith("eshop_rpc_seconds_count") and method in line)
    return [int(float(line.rpartition(" ")[2])) for line in lines if 'transport="grpc"' in line]


@pytest.mark.timeout(240)
async def test_the_order_containers_share_the_partitions_of_the_queue(
    project: ComposeProject, stack: RunningStack
) -> None:
    admin = AdminClient({"bootstrap.servers": stack.address("KAFKA")})
    count = project.count("order")
    even = [PARTITIONS // count] * count

    shares = await eventually(lambda: shares if (shares := _shares(admin)) == even else None, within=FOUND_WITHIN)
    print(f"partitions of the queue at each order: {', '.join(str(share) for share in shares)}")


def _shares(admin: AdminClient) -> list[int]:
    """The number of partitions that each member of the order group has."""
    group = admin.describe_consumer_groups([GROUP])[GROUP].result(10)
    return [len(member.assignment.topic_partitions) for member in group.members]
