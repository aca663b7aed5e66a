"""Tiny rows end to end on the test stack: k6, the real shop, its stores."""

import os
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest

from eshop_bench import usage
from eshop_bench.books import loose, problems, promised, read_books
from eshop_bench.measure import Bench
from eshop_bench.rows import BY_NAME, Row
from eshop_bench.scene import Scene, Stage
from eshop_bench.stores import Stores, open_stores
from eshop_deploy.stacks import SERVICES, Gateway, Settings, StackDir, read_env, read_settings
from eshop_deploy.tools import k6
from eshop_deploy.verify.stores import Snapshot

pytestmark = pytest.mark.stack
USERS = 4


@pytest.fixture(scope="module")
def place() -> StackDir:
    env = os.environ.get("ESHOP_TEST_STACK", "")
    if not env or not Path(env).is_file():
        pytest.skip("no stack of this machine to test: `make test` starts one")
    return StackDir(Path(env).parent)


@pytest.fixture(scope="module")
def settings(place: StackDir) -> Settings:
    return read_settings(read_env(place.env_file))


@pytest.fixture(scope="module")
def stores(settings: Settings) -> Iterator[Stores]:
    with open_stores(settings) as opened:
        yield opened


@pytest.fixture(scope="module")
def stage(settings: Settings, stores: Stores) -> Stage:
    return Stage(Gateway(settings.host, settings.ports["gw_http"]), stores, lambda _text: None, reset=False)


@pytest.fixture(scope="module")
def bench(place: StackDir, settings: Settings, stores: Stores, stage: Stage) -> Bench:
    program = k6.binary()
    if program is None:
        pytest.skip("k6 is not installed: `make k6` fetches it")
    base = f"http://{settings.address('gw_http')}"
    return Bench(program, base, stage, stores, lambda: usage.pids(place), lambda _text: None)


def tiny(name: str) -> Row:
    return replace(BY_NAME[name], users=USERS, seconds=1.0)


@pytest.mark.parametrize("name", ["flash-200", "flash-100-products", "buffered-1000", "order-200"])
def test_a_row_has_all_its_figures_and_books_that_agree(bench: Bench, name: str) -> None:
    result = bench.measure(tiny(name))

    assert (result.checked, result.problems, result.missing) == (True, (), 0)
    assert result.rate > 0
    assert 0 < result.p50 <= result.p95 <= result.p99
    assert result.drained is not None
    assert result.drained >= 0
    assert result.end_to_end
    assert set(SERVICES) < set(result.memory)
    assert result.cpu["k6"] > 0
    assert result.cpu["gw"] > 0


def test_a_sale_that_has_sold_out_sells_nothing_more(bench: Bench) -> None:
    result = bench.measure(tiny("sold-out"))

    assert result.problems == ()
    assert {kind for kind, count in result.answers.items() if count} == {"sold_out"}


def test_refused_orders_are_refused_and_their_neighbours_are_not(bench: Bench) -> None:
    result = bench.measure(replace(tiny("mixed-200"), seconds=3.0))

    assert result.problems == ()
    assert result.wrong == 0
    assert result.answers["confirmed"] > 0
    assert result.answers["refused"] > 0
    assert result.answers["sold_out"] > 0


def test_lists_have_no_books(bench: Bench) -> None:
    result = bench.measure(tiny("list-0"))

    assert result.answers["listed"] > 0
    assert not result.checked


SPOILS = {
    "a payment is lost": "DELETE FROM eshop_pay.pay WHERE order_id ="
    " (SELECT MIN(order_id) FROM eshop_order.order_record WHERE product_id = %s)",
    "a payment is too small": "UPDATE eshop_pay.pay SET amount = amount - 1 WHERE order_id ="
    " (SELECT MIN(order_id) FROM eshop_order.order_record WHERE product_id = %s)",
    "an order is lost": "DELETE FROM eshop_order.order_record WHERE product_id = %s LIMIT 1",
    "an order is not final": "UPDATE eshop_order.order_record SET state = 'claimed' WHERE product_id = %s LIMIT 1",
    "a unit is missing": "UPDATE eshop_stock.stock SET stock = stock - 1 WHERE product_id = %s",
    "a change is not in the ledger": "DELETE FROM eshop_stock.stock_ledger WHERE product_id = %s LIMIT 1",
}


@pytest.fixture(scope="module")
def sold(bench: Bench, stage: Stage) -> tuple[Scene, int]:
    """A scene whose books were right after its load, and how many orders were accepted."""
    scenes: list[Scene] = []
    with pytest.MonkeyPatch.context() as patch:
        make = stage.set
        patch.setattr(stage, "set", lambda row: scenes.append(make(row)) or scenes[-1])
        result = bench.measure(tiny("flash-200"))
    assert result.problems == ()
    return scenes[0], result.answers["accepted"]


@pytest.mark.parametrize("spoil", SPOILS)
def test_spoilt_books_are_wrong(
    stores: Stores, sold: tuple[Scene, int], spoil: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene, accepted = sold
    # A snapshot of its own would commit what is to be rolled back.
    monkeypatch.setattr("eshop_deploy.verify.look.snapshot", lambda link: nullcontext(Snapshot(link)))
    told, before = promised({"accepted": accepted}, 0), loose(stores)
    assert problems(read_books(stores, scene, before), told) == []

    stores.change("START TRANSACTION")  # rolled back: other tests look at the same books
    try:
        assert stores.change(SPOILS[spoil], scene.products[0]) == 1
        assert problems(read_books(stores, scene, before), told) != []
    finally:
        stores.change("ROLLBACK")
