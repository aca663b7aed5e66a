"""Keeps what the services and DTM send to MySQL while the tests run: MariaDB's general log, values left out.

ESHOP_SQL_LOG names the file: each different statement once, ended by a zero byte. `deploy/ci/sql_dialects/check.py`
reads it.
"""

import os
import re
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path

import pymysql
import pymysql.cursors
from running_stack import RunningStack

VARIABLE = "ESHOP_SQL_LOG"
_STRING = re.compile(r"'(?:[^'\\]|''|\\.)*'", re.DOTALL)
_NUMBER = re.compile(r"(?<![\w.`])\d+(?:\.\d+)?\b")
_LIST = re.compile(r"\b1(?:,\s*1\b)+|'x'(?:,\s*'x')+")
_ROWS = re.compile(r"(\([^()]*\))(?:,\s*\1)+")
# What the log itself needs, and what pymysql and the server's own tools say.
_OURS = ("general_log", "log_output")


def without_values(statement: str) -> str:
    """The statement with 'x' and 1 for its values, and lists and rows shortened to one."""
    statement = _NUMBER.sub("1", _STRING.sub("'x'", statement))
    return " ".join(_ROWS.sub(r"\1", _LIST.sub(lambda found: found[0].split(",")[0], statement)).split())


@contextmanager
def sql_log(stack: RunningStack | None) -> Generator[None]:
    """Logs while the block runs, where a file is named and there is a stack."""
    file = os.environ.get(VARIABLE)
    if not file or stack is None:
        yield
        return
    with closing(pymysql.connect(**stack.mysql(), autocommit=True)) as link, link.cursor() as cursor:
        cursor.execute("SET GLOBAL log_output = 'TABLE'")
        cursor.execute("TRUNCATE TABLE mysql.general_log")
        cursor.execute("SET GLOBAL general_log = 1")
        try:
            yield
        finally:
            cursor.execute("SET GLOBAL general_log = 0")
            Path(file).write_text("".join(f"{statement}\0" for statement in _read(link)))


def _read(link: "pymysql.Connection[pymysql.cursors.Cursor]") -> list[str]:
    with link.cursor(pymysql.cursors.SSCursor) as rows:
        rows.execute("SELECT HEX(argument) FROM mysql.general_log WHERE command_type IN ('Query', 'Execute')")
        texts = (bytes.fromhex(row[0]).decode("latin-1") for row in rows)
        found = {without_values(text) for text in texts}
    return sorted(text for text in found if text and not any(word in text for word in _OURS))
