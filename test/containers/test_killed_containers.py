"""The suite in containers keeps its books when containers die under load, and when it is taken down and started again.

Runs in `make compose-test`, which says where the containers are: it needs an engine, and the right to kill.
"""

import asyncio
import json
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import fresh
import httpx
import pytest
from books import Books
from databases import Databases
from gateway_client import Answer, Gateway
from patience import eventually
from running_stack import RunningStack

COMPOSE_FILE = Path(__file__).parents[2] / "deploy" / "compose.yaml"
PARTS = (
    *("mysql", "redis", "kafka", "dtm-mysql", "dtm-redis"),
    *("user", "product", "order", "stock", "coupon", "pay", "flash-sale", "gw"),
)
BACK_WITHIN = 120.0
REST_WITHIN = 180.0
BETWEEN_ORDERS = 0.05
SOME = 10


@dataclass(frozen=True)
class Containers:
    """The containers of one compose project."""

    project: str
    command: list[str]

    def compose(self, *words: str) -> None:
        argv = [*self.command, "-p", self.project, "-f", str(COMPOSE_FILE), *words]
        ended = subprocess.run(argv, capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stderr

    async def killed_and_back(self, service: str) -> None:
        container = self.kill(service)
        await eventually(lambda: self.restarts(container) > 0, within=BACK_WITHIN, every=0.5)
        await eventually(lambda: self.healthy(container), within=BACK_WITHIN, every=0.5)

    def kill(self, service: str) -> str:
        """Kills the first process of a service's container, as the machine's own troubles would; returns its id."""
        label = "--filter=label=com.docker.compose"
        asked = ["docker", "ps", "-q", f"{label}.project={self.project}", f"{label}.service={service}"]
        container = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.split()[0]
        os.kill(int(_inspect(container, "{{.State.Pid}}")), signal.SIGKILL)
        return container

    def restarts(self, container: str) -> int:
        return int(_inspect(container, "{{.RestartCount}}"))

    def healthy(self, container: str) -> bool:
        return _inspect(container, "{{.State.Health.Status}}") == "healthy"


def _inspect(container: str, form: str) -> str:
    asked = ["docker", "inspect", "--format", form, container]
    return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture(scope="module")
def containers() -> Containers:
    project = os.environ.get("ESHOP_COMPOSE_PROJECT")
    if not project:
        pytest.skip("no suite in containers: `make compose-test` starts one")
    return Containers(project, os.environ["ESHOP_COMPOSE_COMMAND"].splitlines())


@contextmanager
def books_of(stack: RunningStack) -> Iterator[Books]:
    """The books, through connections made now: those of before were cut."""
    db = Databases(stack)
    try:
        with httpx.Client(base_url=f"http://{stack.address('DTM_MYSQL_HTTP')}", trust_env=False) as dtm:
            yield Books(db, dtm)
    finally:
        db.close()


@dataclass
class Shoppers:
    """Orders of the three kinds, one after the other each, for as long as they are let; they remember what they got."""

    gw: Gateway
    product: int
    accepted: list[str] = field(default_factory=list)

    async def shop(self) -> None:
        await asyncio.gather(*(self._order_on(kind) for kind in (self.gw.submit, self.gw.notify, self.gw.flash)))

    async def _order_on(self, kind) -> None:
        while True:
            with suppress(httpx.HTTPError, json.JSONDecodeError):  # no answer: it counts neither way
                answer: Answer = await kind(fresh.user_id(), self.product)
                if answer.status == 200:
                    self.accepted.append(answer.order_id)
            await asyncio.sleep(BETWEEN_ORDERS)

    async def get_some_more(self) -> None:
        """Waits until the shop has taken more orders."""
        enough = len(self.accepted) + SOME
        await eventually(lambda: len(self.accepted) >= enough, within=BACK_WITHIN)


@asynccontextmanager
async def shoppers_in(gw: Gateway, product: int) -> AsyncIterator[Shoppers]:
    await gw.set_flash(product, 1_000_000)
    shoppers = Shoppers(gw, product)
    task = asyncio.create_task(shoppers.shop())
    try:
        yield shoppers
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.mark.timeout(900)
async def test_the_books_balance_after_every_container_was_killed_under_load(
    containers: Containers, stack: RunningStack, gw: Gateway, product: int
) -> None:
    async with shoppers_in(gw, product) as shoppers:
        for part in PARTS:
            await shoppers.get_some_more()
            await containers.killed_and_back(part)

    with books_of(stack) as books:
        await books.balance(product, accepted=shoppers.accepted, within=REST_WITHIN)
    print(f"{len(shoppers.accepted)} accepted orders, {len(PARTS)} containers killed")


@pytest.mark.timeout(600)
async def test_no_order_is_lost_when_the_suite_is_taken_down_in_mid_load_and_started_again(
    containers: Containers, stack: RunningStack, gw: Gateway, product: int
) -> None:
    async with shoppers_in(gw, product) as shoppers:
        await shoppers.get_some_more()
        await asyncio.to_thread(containers.compose, "down")

    await asyncio.to_thread(containers.compose, "up", "-d", "--no-build", "--scale", "order=2", "--scale", "stock=2")

    await eventually(lambda: _serves(gw), within=BACK_WITHIN)
    with books_of(stack) as books:
        await books.balance(product, accepted=shoppers.accepted, within=REST_WITHIN)


async def _serves(gw: Gateway) -> bool:
    """Orders of each kind can be placed again."""
    product, user = fresh.product_id(), fresh.user_id()
    with suppress(httpx.HTTPError, AssertionError):
        await gw.set_flash(product, 3)
        answers = [await kind(user, product) for kind in (gw.submit, gw.notify, gw.flash)]
        return all(answer.status == 200 for answer in answers)
    return False
