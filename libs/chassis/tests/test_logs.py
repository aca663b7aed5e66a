"""Logs: one line of JSON an event, whatever is logged and by whom."""

import json
import logging
import sys
import warnings

import orjson
import pymysql.err
import pytest
import structlog

from eshop_chassis.logs import get_logger, set_up_logs
from protoc_gen_fastapi.runtime import Call, current_call


@pytest.fixture(autouse=True)
def _as_before():
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    structlog_before = structlog.get_config()
    with warnings.catch_warnings():
        yield
    logging.captureWarnings(False)
    logging.basicConfig(handlers=handlers, level=level, force=True)
    structlog.configure(**structlog_before)


@pytest.fixture
def lines(capsys):
    """Sets up the logs; what was logged since, parsed."""
    set_up_logs("trial", "info", "json")
    return lambda: [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_an_event_is_one_line_of_json_with_what_identifies_it_first(lines, capsys):
    get_logger("here").info("it happened", number=3, text="two\nlines")
    raw = capsys.readouterr().err
    line = json.loads(raw)
    assert raw.count("\n") == 1
    assert list(line)[:4] == ["timestamp", "level", "service", "event"]
    told = {"level": "info", "service": "trial", "event": "it happened", "number": 3, "text": "two\nlines"}
    assert told.items() <= line.items()
    assert line["module"] == "here"


def test_what_is_below_the_level_is_not_told(lines):
    get_logger("here").debug("hush")
    assert lines() == []


def test_the_request_id_of_the_call_being_served_is_told(lines):
    token = current_call.set(Call.local({"x-request-id": "abc-1"}))
    get_logger("here").info("inside")
    get_logger("here").info("given", request_id="other")
    current_call.reset(token)
    get_logger("here").info("outside")
    inside, given, outside = lines()
    assert (inside["request_id"], given["request_id"]) == ("abc-1", "other")
    assert "request_id" not in outside


class Odd:
    def __repr__(self) -> str:
        raise RuntimeError("no repr")


RING: list[object] = []
RING.append(RING)


@pytest.mark.parametrize(
    "value",
    [object(), {1, 2}, {3: "three", (1, 2): "pair"}, b"\xff", 2**70, "\udcff", RING, Odd(), 1j, ValueError("x")],
    ids=["object", "set", "keys", "bytes", "huge", "surrogate", "ring", "no repr", "complex", "exception"],
)
def test_a_value_that_json_can_t_hold_is_told_all_the_same(lines, value):
    get_logger("here").info("odd", value=value)
    [line] = lines()
    assert line["event"] == "odd"
    assert "value" in line


def test_an_exception_is_told_on_the_same_line(lines, capsys):
    try:
        raise ValueError("bad\nvalue")
    except ValueError as error:
        get_logger("here").error("failed", exc_info=error)
    raw = capsys.readouterr().err
    assert raw.count("\n") == 1
    assert "ValueError: bad\nvalue" in json.loads(raw)["exception"]
    assert "Traceback" in json.loads(raw)["exception"]


def test_libraries_speak_in_the_same_way_from_warning_upwards(lines):
    logging.getLogger("httpx").info("HTTP Request: GET http://x")
    logging.getLogger("uvicorn.error").warning("Invalid %s\nrequest", "HTTP")
    logging.getLogger("grpc").error("raised", exc_info=(ValueError, ValueError("x"), None))
    [own] = [handler for handler in logging.getLogger().handlers if type(handler).__name__ == "_FromLibraries"]
    own.emit(logging.LogRecord("asyncio", logging.ERROR, "", 1, "wrong arguments %s %s", (1,), None))
    invalid, raised, wrong = lines()
    assert (invalid["level"], invalid["event"], invalid["module"]) == (
        "warning",
        "Invalid HTTP request",
        "uvicorn.error",
    )
    assert wrong["event"] == "wrong arguments %s %s"
    assert "ValueError: x" in raised["exception"]


def test_python_s_warnings_are_one_line_each_and_mysql_s_are_left_out(lines):
    warnings.simplefilter("default")
    set_up_logs("trial", "info", "json")
    warnings.warn("old\nfashioned", UserWarning, stacklevel=1)
    warnings.warn("Duplicate entry '1' for key 'PRIMARY'", pymysql.err.Warning, stacklevel=1)
    [line] = lines()
    assert "UserWarning: old fashioned" in line["event"]


def test_a_reader_that_went_away_harms_nobody(lines, monkeypatch):
    class Closed:
        def write(self, _text: str) -> None:
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stderr", Closed())
    get_logger("here").info("who hears it?")


def test_console_lines_are_text_without_colours_where_no_terminal_is(capsys):
    set_up_logs("trial", "info", "console")
    try:
        raise ValueError("bad")
    except ValueError as error:
        get_logger("here").warning("it happened", number=3, exc_info=error)
    text = capsys.readouterr().err
    assert "it happened" in text
    assert "number=3" in text
    assert "ValueError: bad" in text
    assert "\x1b" not in text
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(text)
