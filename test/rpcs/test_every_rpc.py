"""Every rpc of every service, over gRPC and over HTTP, from one body each."""

import pytest
from cases import branches, front_door, keeping, selling  # noqa: F401  # pyright: ignore[reportUnusedImport] - as cases
from cases.table import CASES
from catalogue import HTTP_RPCS, RPCS
from databases import Databases
from transports import Transport

ON_BOTH = [("grpc", rpc) for rpc in RPCS] + [("http", rpc) for rpc in HTTP_RPCS]


@pytest.mark.parametrize(("on", "rpc"), ON_BOTH, indirect=["on"])
async def test_every_rpc_works_on_both_transports(rpc: str, on: Transport, db: Databases) -> None:
    await CASES[rpc](on, db)


def test_only_batches_between_services_are_not_on_http() -> None:
    assert all(rpc.name.endswith("Many") for rpc in RPCS.values() if not rpc.on_http)


def test_every_rpc_has_a_case_and_every_case_an_rpc() -> None:
    assert set(CASES) == set(RPCS)
