"""Is every statement MySQL 8's as well as MariaDB's? `python deploy/ci/sql_dialects/check.py [CAPTURED]`

Looks at all schema files and, where a file is named, at what MariaDB's general log held during the end-to-end tests
(`ESHOP_SQL_LOG=CAPTURED make test`): whatever services and DTM really sent. MariaDB has run them, so they are its own;
two judges look for what MySQL 8 would not take: TiDB's parser (MySQL 8's grammar, by other people), and a list of what
that parser lets pass beyond MySQL.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import aiodtm.mysql
from eshop_deploy import dtm_schema
from eshop_deploy.layout import project_root, state_dir, tools_dir
from eshop_deploy.tools import dtm, running

HERE = Path(__file__).parent
# TiDB's own additions, MySQL 8 has none of them; and functions, which a grammar doesn't tell from any other.
BEYOND_MYSQL = (
    r"\bALTER TABLE\b.*\b(ADD|DROP|MODIFY|CHANGE)( COLUMN| INDEX| KEY)? IF (NOT )?EXISTS",
    r"\b(CREATE|DROP) INDEX IF (NOT )?EXISTS",
    r"\b(CREATE|DROP|ALTER) SEQUENCE\b|\b(NEXTVAL|LASTVAL|SETVAL)\s*\(|\b(NEXT|PREVIOUS) VALUE FOR\b",
    r"\b(JSON|TEXT|BLOB|GEOMETRY)\b( NOT NULL)? DEFAULT '",
    r"\bFOR SYSTEM_TIME\b|\bWITH SYSTEM VERSIONING\b|\bBATCH ON\b",
    r"\b(ADD_MONTHS|JSON_DETAILED|JSON_LOOSE|JSON_EXISTS|NATURAL_SORT_KEY|SFORMAT|TO_CHAR|MEDIAN|KDF)\s*\(",
    r"\b(INET6|UUID|VECTOR)\b(?!\s*\()(?=\s*(,|\)|NOT|NULL|DEFAULT|$))",
)
# Each must be found: a judge that finds nothing has said nothing.
MARIADB_ONLY = (
    "INSERT INTO t (a) VALUES (1) RETURNING id",
    "DELETE FROM t WHERE id = 1 RETURNING id",
    "REPLACE INTO t (a) VALUES (1) RETURNING id",
    "CREATE OR REPLACE TABLE t (a INT)",
    "SET STATEMENT max_statement_time=1 FOR SELECT 1",
    "CREATE TABLE t (a INT, PERIOD FOR SYSTEM_TIME (b, c)) WITH SYSTEM VERSIONING",
    "ALTER TABLE t ADD COLUMN IF NOT EXISTS a INT",
    "CREATE INDEX IF NOT EXISTS i ON t (a)",
    "SELECT NEXTVAL(s)",
    "CREATE TABLE t (a TEXT NOT NULL DEFAULT 'x')",
    "CREATE TABLE t (a UUID NOT NULL)",
)


def main() -> int:
    from_files = sorted({statement for sql in schemas() for statement in _split(sql)})
    captured = _captured(Path(sys.argv[1])) if len(sys.argv) > 1 else []
    judge = _build()
    for statement in MARIADB_ONLY:
        if not refused(judge, [statement]):
            print(f"the judges let pass what only MariaDB knows: {statement}")
            return 1
    found = refused(judge, from_files + captured)
    print("\n".join(found), end="\n" if found else "")
    seen = f"{len(from_files)} statements of schema files, {len(captured)} different ones that were sent"
    print(f"{'FAILED' if found else 'ok'}: {seen}; {len(found)} that MySQL 8 would refuse")
    return 1 if found else 0


def schemas() -> list[str]:
    root = project_root()
    files = sorted([*root.glob("*/src/*/schema.sql"), *root.glob("*/src/*/migrations/*.sql")])
    return [*(file.read_text() for file in files), aiodtm.mysql.BARRIER_SCHEMA, dtm_schema.schema()]


def _split(sql: str) -> list[str]:
    lines = "\n".join(line for line in sql.splitlines() if not line.lstrip().startswith("--"))
    return [" ".join(statement.split()) for statement in lines.split(";") if statement.strip()]


def _captured(file: Path) -> list[str]:
    statements = [text for text in file.read_text().split("\0") if text]
    if not statements:
        sys.exit(f"{file} holds no statement: was the log on?")
    return statements


def refused(judge: Path, statements: list[str]) -> list[str]:
    """What either judge says of those that MySQL 8 would refuse."""
    told = subprocess.run([judge], input="\0".join(statements), capture_output=True, text=True, check=False).stdout
    beyond = [s for s in statements if any(re.search(rule, s, re.IGNORECASE | re.DOTALL) for rule in BEYOND_MYSQL)]
    return [*told.splitlines(), *(f"beyond MySQL 8: {s}" for s in beyond)]


def _build() -> Path:
    """The parser's program, built once for each version of its source."""
    log, program = state_dir() / "setup.log", tools_dir() / "sql_dialects" / "judge"
    sources = [HERE / name for name in ("main.go", "go.mod", "go.sum")]
    if program.is_file() and all(program.stat().st_mtime > source.stat().st_mtime for source in sources):
        return program
    env = {**os.environ, "GOFLAGS": "-mod=readonly", "CGO_ENABLED": "0"}
    argv = [dtm.go_or_fetched(log), "build", "-C", str(HERE), "-o", str(program), "."]
    running.run(argv, log, "Building TiDB's parser", env)
    return program


if __name__ == "__main__":
    sys.exit(main())
