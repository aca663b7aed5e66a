"""The load scripts, run small: they drive the shop, and count every answer as what it is."""

import asyncio
import json
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from books import Books
from gateway_client import Gateway
from running_stack import RunningStack

SCRIPTS = Path(__file__).parents[1] / "k6"
FETCHED = Path(__file__).parents[2] / ".eshop" / "tools" / "k6" / "bin" / "k6"
THRESHOLD_CROSSED = 99
BUYERS = ["-u", "10", "-i", "90"]


@dataclass(frozen=True)
class Run:
    """How a run ended: k6's exit code, and its counters."""

    code: int
    counters: dict[str, int]
    output: str


class K6:
    """Runs the load scripts against one gateway."""

    def __init__(self, program: str, url: str, folder: Path) -> None:
        self._program = program
        self._url = url
        self._summary = folder / "summary.json"

    async def run(self, script: str, *arguments: str, **settings: object) -> Run:
        env = {**os.environ, "BASE_URL": self._url, "K6_NO_USAGE_REPORT": "true", "NO_PROXY": "*"}
        process = await asyncio.create_subprocess_exec(
            self._program,
            *("run", "--quiet", "--no-color", "--address", "", "--summary-export", str(self._summary)),
            *arguments,
            str(SCRIPTS / script),
            env={**env, **{name: str(value) for name, value in settings.items()}},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()
        metrics = json.loads(self._summary.read_text())["metrics"]
        counters = {name: metric["count"] for name, metric in metrics.items() if "count" in metric}
        return Run(process.returncode or 0, counters, output.decode())


@pytest.fixture
def k6(stack: RunningStack, tmp_path: Path) -> K6:
    program = os.environ.get("K6") or shutil.which("k6") or (str(FETCHED) if FETCHED.exists() else None)
    if program is None:
        pytest.skip("k6 is not installed: `make k6` fetches it")
    return K6(program, stack.url("gw"), tmp_path)


async def test_submit_order_counts_every_outcome(k6: K6, books: Books, product: int) -> None:
    run = await k6.run("submitOrder.js", *BUYERS, PRODUCT_ID=product, STOCK=40)

    assert run.code == 0, run.output
    assert run.counters.get("confirmed", 0) + run.counters.get("running", 0) >= 40
    assert sum(run.counters.get(kind, 0) for kind in ("confirmed", "running", "sold_out")) == 90
    await books.balance(product, sold=40)


async def test_submit_order_fills_the_queue_when_asked(k6: K6, books: Books, product: int) -> None:
    run = await k6.run("submitOrder.js", *BUYERS, FLOW="notify", PRODUCT_ID=product, STOCK=40, COUNT=2)

    assert run.code == 0, run.output
    assert run.counters["accepted"] == 90
    await books.balance(product, sold=40, within=30)


async def test_flash_sale_counts_the_accepted_and_the_sold_out(k6: K6, books: Books, product: int) -> None:
    run = await k6.run("flashSale.js", *BUYERS, PRODUCT_ID=product, STOCK=40)

    assert run.code == 0, run.output
    assert run.counters.get("accepted", 0) + run.counters.get("running", 0) == 40
    assert run.counters["sold_out"] == 50
    await books.balance(product, sold=40, within=30)


async def test_a_limit_per_user_is_counted_as_refused(k6: K6, books: Books, product: int, user: int) -> None:
    run = await k6.run("flashSale.js", *BUYERS, PRODUCT_ID=product, STOCK=40, LIMIT=3, USER_ID=user)

    assert run.code == 0, run.output
    assert (run.counters["accepted"], run.counters["refused"]) == (3, 87)
    await books.balance(product, sold=3)


async def test_list_reads_every_list(k6: K6, gw: Gateway, product: int) -> None:
    await gw.set_stock(product, 1)

    run = await k6.run("list.js", "-u", "5", "-i", "50", PAGE_SIZE=1)

    assert run.code == 0, run.output
    assert run.counters["listed"] == 50
    assert 10 <= run.counters["rows"] <= 50


async def test_a_dead_shop_fails_the_run(k6: K6, product: int) -> None:
    run = await k6.run("flashSale.js", "-u", "2", "-i", "10", PRODUCT_ID=product, BASE_URL="http://127.0.0.1:9")

    assert run.code == THRESHOLD_CROSSED
    assert run.counters["failures"] == 10


def test_the_scripts_load_nothing_from_elsewhere() -> None:
    for script in SCRIPTS.glob("*.js"):
        for source in re.findall(r"from '([^']+)'", script.read_text()):
            assert source.startswith(("k6", "./")), f"{script.name} imports {source}"
