"""Structured logs on standard error: one line an event, with the request id of the call being served."""

import logging
import sys
import warnings
from collections.abc import MutableMapping
from typing import Any

import orjson
import pymysql.err
import structlog

from protoc_gen_fastapi.runtime import current_call

Event = MutableMapping[str, Any]
_FIRST = ("timestamp", "level", "service", "event", "request_id")


def set_up_logs(service: str, level: str, style: str) -> None:
    """Sends structlog, the standard library's logging and Python's warnings to standard error.

    `style` is "json" or "console". Libraries are heard from warning upwards only: httpx, for one, tells every request.
    """
    number = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _facts(service),
            *_renderers(style),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=_Lines,
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(handlers=[_FromLibraries()], level=max(number, logging.WARNING), force=True)
    logging.captureWarnings(True)
    # "Duplicate entry" and the like: the rows that a statement counts say it already.
    warnings.simplefilter("ignore", pymysql.err.Warning)


def get_logger(name: str) -> Any:
    """Returns a logger for the module `name`; its methods take an event text and keyword facts."""
    return structlog.get_logger(module=name)


def _facts(service: str) -> Any:
    def add(_logger: Any, _method: str, event: Event) -> Event:
        event["service"] = service
        call = current_call.get()
        if call is not None:
            event.setdefault("request_id", call.request_id)
        return event

    return add


def _renderers(style: str) -> list[Any]:
    if style == "json":
        return [structlog.processors.format_exc_info, _as_json]
    plain = structlog.dev.plain_traceback
    return [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain)]


def _as_json(_logger: Any, _method: str, event: Event) -> str:
    """One line of JSON, what identifies the event first. A fact that JSON can't hold is told as Python shows it."""
    ordered: dict[str, Any] = {key: event[key] for key in _FIRST if key in event} | dict(event)
    try:
        return _dump(ordered)
    except TypeError:
        return _dump({str(key): _shown(value) for key, value in ordered.items()})


def _dump(event: Any) -> str:
    return orjson.dumps(event, default=str, option=orjson.OPT_NON_STR_KEYS).decode()


def _shown(value: Any) -> str:
    try:
        text = value if isinstance(value, str) else repr(value)
    except Exception as error:
        text = f"<{type(value).__name__} whose repr failed: {type(error).__name__}>"
    return text.encode("utf-8", "backslashreplace").decode()


class _Lines:
    """Writes lines to standard error. A reader that went away must not fail the request that has something to tell."""

    def __init__(self, *_: Any) -> None: ...

    def msg(self, line: str) -> None:
        try:
            sys.stderr.write(line + "\n")
            sys.stderr.flush()
        except (OSError, ValueError):  # closed: there is no one left to tell
            pass

    debug = info = warning = error = critical = exception = log = msg


class _FromLibraries(logging.Handler):
    """Hands records of the standard library's logging, and so Python's warnings too, to structlog."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            text = " ".join(record.getMessage().split())
        except Exception:  # wrong arguments are the library's bug, not a reason to lose what it says
            text = str(record.msg)
        get_logger(record.name).log(record.levelno, text, exc_info=record.exc_info or None)
