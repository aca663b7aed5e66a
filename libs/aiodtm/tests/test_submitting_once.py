"""Submitting once: lost requests, lost replies, timeouts and a DTM that is away, each with its one right reaction."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
import httpx
import pytest

from aiodtm import (
    Dtm,
    DtmAborted,
    DtmFailure,
    DtmNotReached,
    DtmTimeout,
    DtmUnavailable,
    GidConflict,
    InvalidTransaction,
    Outcome,
    Saga,
    Step,
    Transaction,
    open_dtm,
    random_gid,
)
from aiodtm._outcome import Status
from aiodtm._real_server import RealDtm, http_client
from aiodtm._wire.dtm_pb2 import Request


def transaction(status: Status, reason: str = "") -> Transaction:
    return Transaction("g", "saga", status, reason, "", "", ())


@dataclass
class ScriptedServer:
    """Answers each call with the next word of the script: an error is raised, the last word is repeated."""

    submits: list[Any] = field(default_factory=list)
    queries: list[Any] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    hang: bool = False

    async def submit(self, request, limit: float) -> None:
        self._say("submit", self.submits)
        if self.hang:
            await asyncio.sleep(60)

    async def query(self, gid: str, limit: float):
        return self._say("query", self.queries)

    def _say(self, call: str, script: list[Any]):
        self.calls.append(call)
        word = script.pop(0) if len(script) > 1 else script[0]
        if isinstance(word, Exception):
            raise word
        return word


async def submitted(server: Any, *, fresh: bool = True, limit: float = 1.0) -> Outcome:
    saga = Dtm(server).saga("g", fresh=fresh)
    saga.step(Step("h:1/s/A", "", b""))
    return await saga.submit(limit)


async def test_a_success_asks_nothing():
    server = ScriptedServer([None])
    assert await submitted(server) == Outcome("succeed")
    assert server.calls == ["submit"]


async def test_a_gid_that_may_be_known_is_asked_about_first():
    server = ScriptedServer([None], [None])
    assert await submitted(server, fresh=False) == Outcome("succeed")
    assert server.calls == ["query", "submit"]


async def test_a_gid_that_is_known_is_not_submitted():
    server = ScriptedServer([], [transaction("submitted"), transaction("aborting"), transaction("failed", "NO")])
    assert await submitted(server, fresh=False) == Outcome("failed", "NO")
    assert set(server.calls) == {"query"}


async def test_aborted_is_no_verdict_until_the_status_says_so():
    aborted = DtmAborted("wait result not return success: FAILURE")
    server = ScriptedServer([aborted], [transaction("submitted"), transaction("succeed")])
    assert await submitted(server) == Outcome("succeed")
    server = ScriptedServer([aborted], [transaction("aborting", "url:h/s return failed: NO FAILURE")])
    assert await submitted(server, limit=0.2) == Outcome("running", "NO", "h/s")
    assert server.calls.count("submit") == 1


async def test_a_lost_reply_leads_to_the_question_and_not_to_a_second_submit():
    server = ScriptedServer([DtmUnavailable("reset")], [transaction("succeed")])
    assert await submitted(server) == Outcome("succeed")
    assert server.calls == ["submit", "query"]


async def test_a_submit_that_was_lost_is_repeated_when_dtm_does_not_know_the_gid():
    server = ScriptedServer([DtmUnavailable("reset"), None], [None])
    start = time.monotonic()
    assert await submitted(server) == Outcome("succeed")
    assert server.calls.count("submit") == 2
    assert time.monotonic() - start >= 0.3  # the first may still have been on its way


async def test_a_submit_that_was_never_sent_is_repeated_at_once():
    server = ScriptedServer([DtmNotReached(), None], [None])
    start = time.monotonic()
    assert await submitted(server) == Outcome("succeed")
    assert server.calls == ["submit", "query", "submit"]
    assert time.monotonic() - start < 0.1


async def test_a_submit_that_timed_out_is_repeated_only_after_dtm_has_denied_it_for_three_seconds():
    server: Any = ScriptedServer([DtmTimeout(), None], [None])
    saga = Dtm(server).saga("g", fresh=True)
    saga.step(Step("h:1/s/A", "", b""))
    start = time.monotonic()
    while (outcome := await saga.submit(0.6)).status == "unknown":
        assert server.calls.count("submit") == 1
    assert outcome == Outcome("succeed")
    assert time.monotonic() - start >= 3.0
    assert server.calls.count("submit") == 2


async def test_a_submit_whose_caller_was_cancelled_is_like_one_that_timed_out():
    server: Any = ScriptedServer([None], [None])
    server.hang = True
    saga = Dtm(server).saga("g", fresh=True)
    saga.step(Step("h:1/s/A", "", b""))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(saga.submit(), 0.05)
    server.hang = False
    assert (await saga.submit(0.3)).status == "unknown"
    assert server.calls.count("submit") == 1


async def test_a_saga_that_was_submitted_takes_no_more_steps():
    server: Any = ScriptedServer([None])
    saga = Dtm(server).saga("g", fresh=True)
    saga.step(Step("h:1/s/A", "", b""))
    await saga.submit()
    with pytest.raises(InvalidTransaction):
        saga.step(Step("h:1/s/B", "", b""))


async def test_nothing_is_submitted_while_the_question_fails():
    server = ScriptedServer([DtmUnavailable("reset"), None], [DtmUnavailable("away")])
    outcome = await submitted(server, limit=0.6)
    assert outcome.status == "unknown"
    assert "away" in outcome.reason
    assert server.calls.count("submit") == 1


async def test_an_error_of_dtm_is_told_when_nothing_else_is_known():
    server = ScriptedServer([DtmFailure("UNKNOWN: dtm panic: Data too long")], [None])
    outcome = await submitted(server, limit=0.2)
    assert outcome.status == "unknown"
    assert "Data too long" in outcome.reason


async def test_what_is_known_to_run_stays_running_when_dtm_goes_away():
    server = ScriptedServer([DtmAborted()], [transaction("submitted"), DtmUnavailable("away")])
    assert (await submitted(server, limit=0.2)).status == "running"


async def test_what_dtm_has_under_the_gid_is_compared_after_aborted_too():
    other = Transaction("g", "msg", "succeed", "", "", "", ())
    server = ScriptedServer([DtmAborted("current status 'succeed', cannot sumbmit. FAILURE")], [other])
    with pytest.raises(GidConflict, match="is a msg, not a saga"):
        await submitted(server)


# The same over a wire that breaks, to a real DTM.


@dataclass
class Wire:
    """A TCP connection to DTM in the hands of the test."""

    target: str
    address: str = ""
    lose_requests: bool = False
    lose_replies: bool = False
    _writers: list[asyncio.StreamWriter] = field(default_factory=list)

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, _, port = self.target.partition(":")
        there, back = await asyncio.open_connection(host, int(port))
        self._writers += [writer, back]
        await asyncio.gather(
            self._copy(reader, back, lambda: self.lose_requests), self._copy(there, writer, lambda: self.lose_replies)
        )

    async def _copy(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, lose) -> None:
        try:
            while data := await source.read(65536):
                if lose():
                    await asyncio.sleep(0.05)
                    break
                sink.write(data)
                await sink.drain()
        except ConnectionError:
            pass
        self.cut()

    def cut(self) -> None:
        for writer in self._writers:
            writer.close()
        self._writers.clear()


@asynccontextmanager
async def wire_to(target: str) -> AsyncGenerator[Wire]:
    wire = Wire(target)
    server = await asyncio.start_server(wire.connected, "127.0.0.1", 0)
    wire.address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield wire
    finally:
        wire.cut()
        server.close()
        await server.wait_closed()


@pytest.fixture
async def wired(real_stage) -> AsyncGenerator[tuple[Dtm, Wire]]:
    async with wire_to(real_stage.grpc) as wire, open_dtm(wire.address, real_stage.http) as dtm:
        await dtm.new_gid()
        yield dtm, wire


def saga_of(dtm: Dtm, stage, *, fresh: bool = True) -> Saga:
    saga = dtm.saga(random_gid("test"), fresh=fresh)
    saga.step(Step(stage.branches.url("A"), stage.branches.url("UndoA"), b""))
    return saga


async def test_a_reply_that_is_lost_on_the_wire_is_asked_for(wired, real_stage):
    dtm, wire = wired
    wire.lose_replies = True
    assert await saga_of(dtm, real_stage).submit() == Outcome("succeed")
    assert real_stage.branches.arrived == ["A/action"]


async def test_a_request_that_is_lost_on_the_wire_is_sent_again(wired, real_stage):
    dtm, wire = wired
    wire.lose_requests = True
    asyncio.get_running_loop().call_later(0.2, setattr, wire, "lose_requests", False)
    assert await saga_of(dtm, real_stage).submit() == Outcome("succeed")
    assert real_stage.branches.arrived == ["A/action"]


@pytest.mark.parametrize("away", ["grpc", "http", "both"])
async def test_a_dtm_that_is_away_is_unknown_within_the_limit(real_stage, away):
    nobody = "127.0.0.1:9"
    grpc_address = real_stage.grpc if away == "http" else nobody
    http_address = real_stage.http if away == "grpc" else nobody
    async with open_dtm(grpc_address, http_address) as dtm:
        start = time.monotonic()
        outcome = await saga_of(dtm, real_stage, fresh=False).submit(0.5)
        assert outcome.status == "unknown"
        assert outcome.reason
        assert time.monotonic() - start < 0.8
    assert real_stage.branches.arrived == []


async def test_an_error_that_dtm_answers_is_told_with_its_text(real_stage):
    """It panics where its store refuses a row; gRPC carries that as INTERNAL."""
    channel = grpc.aio.insecure_channel(real_stage.grpc)
    dtm = RealDtm(channel, http_client(real_stage.http))
    with pytest.raises(DtmFailure, match="INTERNAL: runtime error: invalid memory address"):
        await dtm.submit(Request(Gid=random_gid(), TransType="nonsense"), 2.0)
    if real_stage.kind == "mysql":
        with pytest.raises(DtmFailure, match="Data too long for column 'gid'"):
            await dtm.submit(Request(Gid="x" * 129, TransType="saga"), 2.0)
    await channel.close()


async def test_a_stream_that_breaks_off_is_an_answer_lost():
    settings, reset = b"\0\0\0\4\0\0\0\0\0", b"\0\0\4\3\0\0\0\0\1\0\0\0\2"  # HTTP/2 frames; stream 1

    async def break_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(settings)
        while b"/dtmgimp.Dtm/Submit" not in await reader.read(65536):
            pass
        writer.write(reset)
        await writer.drain()
        await reader.read()
        writer.close()
        ended.set()

    ended = asyncio.Event()
    server = await asyncio.start_server(break_off, "127.0.0.1", 0)
    channel = grpc.aio.insecure_channel(f"127.0.0.1:{server.sockets[0].getsockname()[1]}")
    with pytest.raises(DtmUnavailable, match="RST_STREAM"):
        await RealDtm(channel, http_client("127.0.0.1:9")).submit(Request(), 2.0)
    await channel.close()
    await ended.wait()
    server.close()


@pytest.mark.parametrize("answer", ["<html>", "[]", "{}", '{"transaction": {"gid": "g"}, "branches": []}'])
async def test_an_answer_that_is_not_dtms_is_a_failure(answer):
    transport = httpx.MockTransport(lambda request: httpx.Response(200, text=answer))
    server = RealDtm(
        grpc.aio.insecure_channel("127.0.0.1:9"), httpx.AsyncClient(transport=transport, base_url="http://x")
    )
    with pytest.raises(DtmFailure, match="not an answer of DTM"):
        await Dtm(server).query("g")
