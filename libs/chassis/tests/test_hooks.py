"""How errors of stores and of DTM are told to callers."""

import subprocess
import sys
from types import MappingProxyType

import pymysql.err
import pytest
import redis.exceptions as redis
import sqlalchemy.exc as sa
import structlog

import aiodtm
import eshop_chassis.dtm  # pyright: ignore[reportUnusedImport] - registers what its errors mean
import eshop_chassis.redis  # noqa: F401  # pyright: ignore[reportUnusedImport] - so does this one
from eshop_chassis import ChassisHooks, ServiceSettings, hooks, metrics
from eshop_chassis.hooks import translate
from eshop_chassis.mysql.errors import is_passing, is_unreachable
from eshop_chassis.redis.client import open_redis  # noqa: F401  # pyright: ignore[reportUnusedImport] - as a user of it
from protoc_gen_fastapi.runtime import Call, InvalidArgument, Refused, StillRunning, Unavailable


def mysql(kind: type[sa.DBAPIError], *args: object, lost: bool = False) -> sa.DBAPIError:
    raw: dict[type[sa.DBAPIError], type[Exception]] = {
        sa.OperationalError: pymysql.err.OperationalError,
        sa.ProgrammingError: pymysql.err.ProgrammingError,
    }
    made = kind("SELECT 1", (), raw.get(kind, pymysql.err.InternalError)(*args))
    made.connection_invalidated = lost
    return made


@pytest.mark.parametrize(
    "error",
    [
        mysql(sa.OperationalError, 2003, "Can't connect"),
        mysql(sa.OperationalError, 2013, "Lost connection", lost=True),
        mysql(sa.OperationalError, 1040, "Too many connections"),
        mysql(sa.OperationalError, 1213, "Deadlock found"),
        mysql(sa.OperationalError, 1205, "Lock wait timeout exceeded"),
        mysql(sa.OperationalError, 1049, "Unknown database"),
        mysql(sa.ProgrammingError, 1146, "Table doesn't exist"),
        mysql(sa.InternalError, "Packet sequence number wrong"),
        sa.TimeoutError("QueuePool limit"),
        aiodtm.CommitUnknown("lost"),
        redis.ConnectionError("refused"),
        redis.TimeoutError("no reply"),
        redis.BusyLoadingError("loading"),
        redis.ReadOnlyError("replica"),
        redis.OutOfMemoryError("full"),
        aiodtm.DtmNotReached("refused"),
        aiodtm.DtmTimeout("no reply"),
        aiodtm.DtmFailure("HTTP 500"),
        aiodtm.BarrierInterrupted("row gone"),
        ConnectionRefusedError("refused"),
        TimeoutError(),
    ],
    ids=repr,
)
def test_a_part_that_is_away_is_unavailable_and_says_nothing_of_the_inside(error):
    told = translate(error)
    assert type(told) is Unavailable
    assert told.message.endswith("does not answer; try again")


@pytest.mark.parametrize(
    "error",
    [
        mysql(sa.OperationalError, 1054, "Unknown column"),
        mysql(sa.OperationalError, 1690, "BIGINT UNSIGNED value is out of range"),
        mysql(sa.ProgrammingError, 1064, "You have an error in your SQL syntax"),
        redis.ResponseError("ERR user_script:1: bug"),
        aiodtm.UndoRefused("bug"),
        aiodtm.PayloadTooLarge("bug"),
        ZeroDivisionError(),
        KeyError("x"),
    ],
    ids=repr,
)
def test_a_bug_is_an_internal_error(error):
    assert translate(error) is None


def test_only_a_mysql_that_can_t_be_reached_counts_as_away():
    assert is_unreachable(mysql(sa.OperationalError, 2003, "Can't connect"))
    assert is_unreachable(TimeoutError())
    assert not is_unreachable(mysql(sa.OperationalError, 1040, "Too many connections"))
    assert not is_unreachable(mysql(sa.OperationalError, 1045, "Access denied"))
    assert not is_passing(sa.ArgumentError("bug"))


def test_answers_to_dtm_keep_their_meaning():
    refused = translate(aiodtm.BranchRefused("OUT_OF_STOCK"))
    assert isinstance(refused, Refused)
    assert (refused.message, refused.short) == ("OUT_OF_STOCK", "OUT_OF_STOCK")
    assert isinstance(translate(aiodtm.BranchRunning()), StillRunning)


def test_a_process_knows_the_errors_of_the_folders_that_it_uses_and_loads_no_others():
    code = (
        "import sys, eshop_chassis, eshop_chassis.calls, eshop_chassis.hooks as hooks;"
        "print([m for m in ('sqlalchemy', 'redis', 'aiodtm', 'confluent_kafka') if m in sys.modules],"
        " type(hooks.translate(ConnectionRefusedError())).__name__)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("[] Unavailable\n")


class Words:
    """A vocabulary of one short code and one sentence."""

    languages = ("en", "zh")
    meanings = MappingProxyType({30001: "Gone"})

    def code_of(self, short: str) -> int | None:
        return {"GONE": 30001}.get(short)

    def text_in(self, language: str, text: str) -> str:
        return "没了" if (language, text) == ("zh", "gone") else text


def test_an_error_is_told_with_the_code_of_its_short_code_and_in_the_caller_s_language():
    chassis = ChassisHooks(ServiceSettings(), Words())
    raised = Refused("gone", short="GONE", data={"left": 0})
    english, chinese = (chassis.worded(raised, Call.local({"accept-language": tag})) for tag in ("en", "zh-CN"))
    assert (english.message, english.code, english.short, english.data) == ("gone", 30001, "GONE", {"left": 0})
    assert (chinese.message, chinese.code, chinese.http_status) == ("没了", 30001, 409)
    assert (raised.message, raised.code) == ("gone", 10409), "others may be told the same error"
    plain = InvalidArgument("id", "is wrong")
    assert chassis.worded(plain, Call.local({"accept-language": "zh"})) is plain


def test_trouble_that_comes_with_every_call_is_told_once_a_second(monkeypatch):
    monkeypatch.setattr(hooks, "_trouble", hooks._Told())
    with structlog.testing.capture_logs() as told:
        for _ in range(50):
            translate(redis.ConnectionError("refused"))
        translate(aiodtm.DtmTimeout("no reply"))
        hooks._trouble._next.clear()
        translate(redis.ConnectionError("refused"))
    assert [(line["event"], line["before"]) for line in told] == [
        ("Redis did not answer", 0),
        ("DTM did not answer", 0),
        ("Redis did not answer", 49),
    ]


def test_every_call_is_counted_and_a_failure_is_logged_with_its_request_id():
    chassis, call = ChassisHooks(ServiceSettings()), Call.local({"x-request-id": "abc"})
    labels = {"method": "/a.B/Trial", "transport": "local", "status": "OK"}
    chassis.finished("/a.B/Trial", call, "OK", 0.003)
    chassis.finished("/a.B/Trial", call, "OK", 0.003)
    assert metrics._ENDED.labels(**labels)._value.get() == 2
    with structlog.testing.capture_logs() as told:
        chassis.internal_error("/a.B/Trial", call, ValueError("x"))
    assert [(line["log_level"], line["method"]) for line in told] == [("error", "/a.B/Trial")]
    assert told[0]["request_id"] == "abc"
