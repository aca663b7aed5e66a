"""Revisions: how kept tables become those of this release.

A package keeps them in its folder `migrations`: `0002_collations.py`, which Alembic reads, and mostly an SQL file of
the same name. MySQL commits each ALTER by itself, so an interrupted revision is run again from its start:
`change_tables` treats a change that exists already as done. There is no way back to an earlier revision.
"""

import re
import time
from collections.abc import Sequence
from importlib.resources import as_file, files
from importlib.resources.abc import Traversable
from pathlib import Path

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from eshop_chassis.logs import get_logger
from eshop_chassis.mysql.errors import error_number

log = get_logger(__name__)
VERSION_TABLE = """\
CREATE TABLE IF NOT EXISTS alembic_version (
    version_num varchar(32) NOT NULL,
    PRIMARY KEY (version_num)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin
"""
_THERE_ALREADY = {1050, 1060, 1061}  # a table, a column, a key
_REVISION = re.compile(r"(\d{4})_\w+\.py")


class Revisions:
    """The revisions of a package, in order; a package without the folder has none."""

    def __init__(self, package: str) -> None:
        self._folder: Traversable = files(package).joinpath("migrations")
        names = [entry.name for entry in self._folder.iterdir()] if self._folder.is_dir() else []
        self.known: Sequence[str] = sorted(found[1] for name in names if (found := _REVISION.fullmatch(name)))

    @property
    def head(self) -> str:
        """The newest one; "" where there is none."""
        return self.known[-1] if self.known else ""

    async def upgrade(self, connection: AsyncConnection, database: str) -> None:
        """Brings the tables of `database`, which the connection uses, to the newest revision."""
        with as_file(self._folder) as folder:
            await connection.run_sync(_upgrade, database, folder)


def _upgrade(connection: Connection, database: str, folder: Path) -> None:
    # Alembic takes 8 MB and half a second. A process that finds nothing to change never loads it.
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": connection, "database": database})
    config.set_main_option("script_location", str(Path(__file__).with_name("alembic_env")).replace("%", "%%"))
    config.set_main_option("version_locations", str(folder).replace("%", "%%"))
    config.set_main_option("path_separator", "newline")
    command.upgrade(config, "head")


def change_tables(sql: str | Path) -> None:
    """For revisions: runs statements, given as text, or as the path of the revision that has an SQL file beside it."""
    from alembic import op

    text = sql.with_suffix(".sql").read_text("utf-8") if isinstance(sql, Path) else sql
    for statement in statements(text):
        _change(op.get_bind(), statement)


def _change(connection: Connection, statement: str) -> None:
    what = " ".join(statement.split())[:100]
    began = time.monotonic()
    log.info("a table is being changed", statement=what)
    try:
        connection.exec_driver_sql(statement)
    except DBAPIError as error:
        if error_number(error) not in _THERE_ALREADY:
            raise
    log.info("a table is changed", statement=what, seconds=round(time.monotonic() - began, 2))


def statements(sql: str) -> list[str]:
    """The statements of a schema file, without its comment lines."""
    lines = [line for line in sql.splitlines() if not line.lstrip().startswith("--")]
    return [s.strip() for s in "\n".join(lines).split(";") if s.strip()]
