"""Several workers on the same ports: all of them serve, they stop together, and none is missed when it dies."""

import os
import signal
import socket

import grpc.aio
import httpx
import pytest
from chassis_trial.processes import Trial, grpc_list, http_list, trial


@pytest.fixture
def grpc_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


async def workers_of(running: Trial) -> list[int]:
    return list((await running.wait_for("workers run"))["workers"])


async def test_all_workers_serve_both_ports_and_stop_without_dropping_a_request(grpc_port: int):
    async with trial(workers=2, trial_grpc_port=grpc_port) as running:
        workers = await workers_of(running)
        await running.wait_for("ready", 2)
        url, address = await running.addresses()
        for _ in range(20):
            async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
                assert (await http_list(client)).status_code == 200
            async with grpc.aio.insecure_channel(address, options=[("grpc.use_local_subchannel_pool", 1)]) as channel:
                assert (await grpc_list(channel, 1)).total == 1
        running.signal()
        assert await running.ended() == 0
    assert len(workers) == 2
    assert len(running.events("stopped")) == 2


async def test_when_a_worker_dies_the_others_stop_and_the_process_fails(grpc_port: int):
    async with trial(workers=2, trial_grpc_port=grpc_port) as running:
        first, _ = await workers_of(running)
        await running.wait_for("ready", 2)
        os.kill(first, signal.SIGKILL)
        assert await running.ended() == 1
    [died] = running.events("a worker died; the others stop")
    assert died["pid"] == first
    assert len(running.events("stopped")) == 1


async def test_workers_need_a_grpc_port_that_they_can_share():
    async with trial(workers=2) as running:
        assert await running.ended() == 1
    [line] = running.logged
    assert line["text"] == "trial cannot start: ESHOP_TRIAL_GRPC_PORT: several workers need a port that they can share"
