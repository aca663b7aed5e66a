"""The matrix's own parts: the judge finds what was broken, a line loses what it is told to, seeds are repeatable."""

import asyncio
import random
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path

import pytest

HERE = str(Path(__file__).parent)
if HERE not in sys.path:
    sys.path.append(HERE)

import rest  # noqa: E402
from history import Due, Kind, Request, Told  # noqa: E402
from judge import promise  # noqa: E402
from line import HOST, Line  # noqa: E402
from load import Buyers, Shelf  # noqa: E402
from network import may_be_heard  # noqa: E402
from patience import eventually  # noqa: E402
from report import Report  # noqa: E402
from run import Result  # noqa: E402

SHELF = Shelf([1, 2], 3, [4, 5], 6, [(7, 8), (9, 10)])


def request(kind: Kind = "order", due: Due = "good", told: Told = "ok", order_id: str = "o1") -> Request:
    return Request(0, kind, 1, 2, 1, 1000, 0, due, told, order_id)


def order(order_id: str = "o1", state: str = "confirmed", status: int = 1) -> dict[str, object]:
    return {"order_id": order_id, "state": state, "status": status, "code": ""}


KEPT = {
    "accepted and live": (request(), [order()]),
    "refused and cancelled": (request(told="refused"), [order(state="cancelled", status=5)]),
    "refused without a trace": (request(told="refused"), []),
    "unknown and live": (request(told="unknown"), [order()]),
    "unknown and nothing": (request(told="unknown", order_id=""), []),
    "queued and refused later": (request("buffered", "bad"), [order(state="cancelled", status=5)]),
}
BROKEN = {
    "no live order": (request(), [order(state="cancelled", status=5)]),
    "nothing is known": (request("buffered", "open"), []),
    "2 orders of one request": (request(), [order(), order("o2")]),
    "refused, and there is an order": (request(told="refused"), [order()]),
    "had to be refused": (request("buffered", "bad"), [order()]),
    "the order is o2": (request(), [order("o2")]),
    "accepted, and there is no live order": (request("flash", "open"), [order(state="cancelled", status=5)]),
}


@pytest.mark.parametrize("name", KEPT)
def test_a_promise_that_was_kept_is_no_problem(name: str) -> None:
    assert list(promise(*KEPT[name])) == []


@pytest.mark.parametrize("problem", BROKEN)
def test_a_broken_promise_is_found(problem: str) -> None:
    assert any(problem in found for found in promise(*BROKEN[problem]))


def _call(branch: str, op: str, status: str, outcome: str = "failed") -> dict[str, str]:
    return {"gid": "g", "branch_id": branch, "op": op, "status": status, "outcome": outcome}


def test_calls_that_were_made_are_repeated_in_a_saga_that_goes_on() -> None:
    made, still_to_come = _call("01", "action", "succeed", "submitted"), _call("02", "action", "prepared", "submitted")
    undo = _call("01", "compensate", "prepared", "submitted")
    assert list(may_be_heard([undo, made, _call("02", "compensate", "prepared", "submitted"), still_to_come])) == [
        (made,)
    ]


def test_an_action_that_was_never_called_comes_after_its_undo_only() -> None:
    undo, action = _call("02", "compensate", "prepared"), _call("02", "action", "prepared")
    assert list(may_be_heard([undo, action])) == [(undo, action)]


def test_two_matrices_add_to_one_report(tmp_path: Path) -> None:
    one, other = Report(tmp_path / "report"), Report(tmp_path / "report")
    one.add(Result("echoes", 1, seconds_to_converge=3.0))
    other.add(Result("echoes", 2, seconds_to_converge=7.0))
    one.add(Result("echoes", 1, verdict="broken", problems=["I5 order o1: unpaid"]))

    assert [(r.seed, r.verdict) for r in Report(tmp_path / "report").results] == [(2, "ok"), (1, "broken")]
    told = (tmp_path / "report.md").read_text()
    assert "| echoes | actions and reverts repeated and reordered | 2 | 1 | 7 s |" in told
    assert "- I5 order o1: unpaid" in told


async def test_what_is_broken_is_waited_for_until_nothing_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest, "STILL_SECONDS", 0.0)
    monkeypatch.setattr(rest, "LOOK_EVERY_SECONDS", 0.0)
    looks = iter([(["an order"], ["I1 spoilt"]), ([], ["I1 spoilt"]), ([], [])])

    class Suite(rest.Rest):
        async def missing(self) -> tuple[list[str], list[str]]:
            return next(looks)

    assert await Suite(None).reached(60, print) == ([], ["I1 spoilt"])  # type: ignore[arg-type] - nobody is asked
    assert next(looks) == ([], []), "it was looked at twice"


def test_one_seed_makes_the_same_requests_and_another_seed_others() -> None:
    def asked(seed: int) -> list[tuple[object, ...]]:
        buyers = Buyers(None, SHELF, random.Random(seed))  # type: ignore[arg-type] # noqa: S311 - nobody is asked
        made = []
        for _ in range(300):
            made.append(buyers.any_request())
            buyers.history.add(made[-1])
        return [(r.kind, r.product, r.count, r.amount, r.coupon, r.due) for r in made]

    assert asked(1) == asked(1)
    assert asked(1) != asked(2)
    kinds = [what[0] for what in asked(1)]
    due = [what[-1] for what in asked(1) if what[0] != "flash"]
    assert kinds.count("flash") > 90
    assert 0.1 < due.count("bad") / len(due) < 0.3


@asynccontextmanager
async def echo_behind_a_line() -> AsyncGenerator[tuple[Line, list[bytes]]]:
    """A line in front of a server that answers with what it was sent; and all that it was sent."""
    heard: list[bytes] = []

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError), closing(writer):
            while data := await reader.read(100):
                heard.append(data)
                writer.write(data)

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    line = Line(server.sockets[0].getsockname()[1])
    await line.open()
    try:
        yield line, heard
    finally:
        await line.close()
        server.close()
        await server.wait_closed()
        await asyncio.sleep(0)  # for the last of the closed connections


async def test_a_line_forwards_both_ways() -> None:
    async with echo_behind_a_line() as (line, _):
        reader, writer = await asyncio.open_connection(HOST, line.port)
        with closing(writer):
            writer.write(b"a")
            assert await reader.read(1) == b"a"


async def test_a_held_reply_is_lost_when_the_line_is_cut_though_the_call_arrived() -> None:
    async with echo_behind_a_line() as (line, heard):
        reader, writer = await asyncio.open_connection(HOST, line.port)
        with closing(writer):
            writer.write(b"a")
            await reader.read(1)
            line.hold_replies()
            writer.write(b"b")
            await eventually(lambda: heard[-1] == b"b")
            line.cut()
            with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                await reader.readexactly(1)


async def test_a_held_call_arrives_later_and_another_connection_overtakes_it() -> None:
    async with echo_behind_a_line() as (line, heard):
        reader, writer = await asyncio.open_connection(HOST, line.port)
        with closing(writer):
            writer.write(b"a")
            await reader.read(1)
            line.hold()
            writer.write(b"late")
            other_reader, other = await asyncio.open_connection(HOST, line.port)
            with closing(other):
                other.write(b"soon")
                await other_reader.readexactly(4)
                line.flow()
                await reader.readexactly(4)
        assert heard == [b"a", b"soon", b"late"]
