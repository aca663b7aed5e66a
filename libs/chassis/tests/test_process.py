"""A service as a process: how it starts, what it refuses, and how it stops."""

import asyncio
import signal
import socket
import time
from collections import Counter

import grpc
import grpc.aio
import httpx
import pytest
from chassis_trial.processes import Trial, grpc_list, http_list, trial, until

from eshop_chassis.serving.http_server import listen
from eshop_chassis.settings import UnusableSettingError


async def refused(**environment: object) -> str:
    """Starts a process that must not start; returns the one line that it says."""
    async with trial(**environment) as running:
        assert await running.ended() == 1
        [line] = running.logged
        return line["text"]


async def test_a_bad_setting_ends_the_process_with_one_line_that_names_it():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        settings, rpc = await asyncio.gather(
            refused(mysql_port="x", trial_grpc_port=70000), refused(trial_grpc_port=port)
        )
        with pytest.raises(UnusableSettingError) as http:
            listen("127.0.0.1", port, "ESHOP_TRIAL_HTTP_PORT")
    assert settings.startswith("trial cannot start: ESHOP_MYSQL_PORT: ")
    assert "; ESHOP_TRIAL_GRPC_PORT: a port is a number from 0 to 65535" in settings
    problem = f"cannot listen on 127.0.0.1:{port} (Address already in use); free the port or set"
    assert rpc == f"trial cannot start: {problem} ESHOP_TRIAL_GRPC_PORT to another one"
    assert str(http.value) == f"{problem} ESHOP_TRIAL_HTTP_PORT to another one"


async def test_a_stop_in_mid_load_drops_no_request():
    """Every request is answered, until connections are refused because nobody listens any more."""
    async with trial(log_level="debug", drain_seconds=60) as running:
        url, address = await running.addresses()
        seen: Counter[str] = Counter()
        callers = [
            *(_hammer_http(url, seen, keep_alive=True) for _ in range(8)),
            *(_hammer_http(url, seen, keep_alive=False) for _ in range(4)),
            *(_hammer_grpc(address, seen, calls=10) for _ in range(3)),
        ]
        load = asyncio.gather(*callers)
        await until(lambda: seen["http ok"] > 50 and seen["grpc ok"] > 50)
        running.signal()
        await load
        assert await running.ended() == 0
    assert set(seen) == {"http ok", "grpc ok", "http refused", "grpc refused"}
    assert (seen["http refused"], seen["grpc refused"]) == (12, 30)
    assert [line["event"] for line in running.logged][-1] == "stopped"
    assert all(line["request_id"] for line in running.events("listing") + running.events("rpc"))


async def _hammer_http(url: str, seen: Counter[str], *, keep_alive: bool) -> None:
    limits = httpx.Limits(max_keepalive_connections=1 if keep_alive else 0)
    async with httpx.AsyncClient(base_url=url, limits=limits, trust_env=False) as client:
        while True:
            try:
                answer = await http_list(client, ms=5)
            except httpx.ConnectError:
                seen["http refused"] += 1
                return
            except httpx.TransportError as error:
                seen[f"http {error!r}"] += 1
                return
            seen["http ok" if answer.status_code == 200 else f"http {answer.status_code}"] += 1


async def _hammer_grpc(address: str, seen: Counter[str], calls: int) -> None:
    own = [("grpc.use_local_subchannel_pool", 1)]
    async with grpc.aio.insecure_channel(address, options=own) as channel:
        await asyncio.gather(*(_hammer_one(channel, seen) for _ in range(calls)))


async def _hammer_one(channel: grpc.aio.Channel, seen: Counter[str]) -> None:
    while True:
        try:
            await grpc_list(channel, ms=5)
        except grpc.aio.AioRpcError as error:
            details = error.details() or ""
            refused = error.code() is grpc.StatusCode.UNAVAILABLE and "failed to connect to all addresses" in details
            seen["grpc refused" if refused else f"grpc {error.code().name} {details}"] += 1
            return
        seen["grpc ok"] += 1


async def _in_flight(running: Trial, ms: int) -> "asyncio.Future[tuple[int | BaseException, int | BaseException]]":
    """An HTTP request and a gRPC call that the process is busy with."""
    url, address = await running.addresses()

    async def over_http() -> int:
        async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
            return (await http_list(client, ms)).status_code

    async def over_grpc() -> int:
        async with grpc.aio.insecure_channel(address) as channel:
            return (await grpc_list(channel, ms)).total

    calls = asyncio.gather(over_http(), over_grpc(), return_exceptions=True)
    await running.wait_for("listing", 2)
    return calls


async def test_a_stop_waits_for_requests_in_flight():
    async with trial(log_level="debug", drain_seconds=60) as running:
        calls = await _in_flight(running, ms=1500)
        running.signal(signal.SIGINT)
        assert await calls == [200, 1500]
        assert await running.ended() == 0


async def test_a_hanging_request_holds_the_stop_no_longer_than_drain_seconds():
    async with trial(log_level="debug", drain_seconds=1) as running:
        calls = await _in_flight(running, ms=100_000)
        begin = running.signal()
        assert await running.ended() == 0
        assert 0.9 < time.monotonic() - begin < 30
        http, rpc = await calls
        assert http == 500 or isinstance(http, httpx.TransportError)
        assert isinstance(rpc, grpc.aio.AioRpcError)


async def test_a_second_signal_ends_the_process_at_once():
    async with trial(log_level="debug", drain_seconds=60) as running:
        calls = await _in_flight(running, ms=100_000)
        running.signal()
        running.signal()  # as timeout(1) and process groups do: one wish, said twice
        await running.wait_for("draining")
        await asyncio.sleep(1)
        assert running.process.returncode is None
        begin = running.signal(signal.SIGINT)
        assert await running.ended() == 128 + signal.SIGINT
        assert time.monotonic() - begin < 20
        await calls


async def test_asyncios_own_loop_serves_too_logs_can_be_plain_text_and_an_idle_process_stops_at_once():
    async with trial(event_loop="asyncio", log_format="console", drain_seconds=60) as running:
        await until(lambda: any("listening" in line["text"] for line in running.logged))
        line = next(line["text"] for line in running.logged if "listening" in line["text"])
        port = line.partition("http=")[2].split()[0]
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
            assert (await http_list(client)).json()["code"] == 0
        begin = running.signal()
        assert await running.ended() == 0
        assert time.monotonic() - begin < 20
        assert "\x1b" not in "".join(line["text"] for line in running.logged)
