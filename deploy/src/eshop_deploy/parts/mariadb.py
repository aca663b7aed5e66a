"""MariaDB: a data folder made with `--bootstrap`, a my.cnf, an init file that runs before clients connect."""

from __future__ import annotations

import shutil
import subprocess
from functools import partial
from pathlib import Path

from eshop_deploy import dtm_schema, probes
from eshop_deploy.failures import PartFailed
from eshop_deploy.layout import StackDir
from eshop_deploy.part import Part
from eshop_deploy.settings import Settings
from eshop_deploy.tools import debian

NAME = "mysql"
_SYSTEM_TABLES = (
    "mysql_system_tables.sql",
    "mysql_performance_tables.sql",
    "mysql_system_tables_data.sql",
    "maria_add_gis_sp_bootstrap.sql",
    "mysql_sys_schema.sql",
)

_STARTS = "Starting MariaDB "
_NO_ARIA = "Plugin 'Aria' registration as a STORAGE ENGINE failed"
_LOG_TAIL_BYTES = 65_536

_CONFIG = """\
[mariadbd]
datadir = {data}
bind-address = {host}
port = {port}
# relative to the data folder: a long checkout path would not fit into a socket's address
socket = mysql.sock
pid-file = mysql.pid
init-file = {init}
skip-name-resolve
skip-log-bin
max_connections = 1000
table_open_cache = 2000
character-set-server = utf8mb4
collation-server = utf8mb4_general_ci
innodb_buffer_pool_size = {buffer_pool}
innodb_log_file_size = 256M
innodb_flush_log_at_trx_commit = {flush}
# a branch that waits for a row gives up before DTM's own 3 s are over
innodb_lock_wait_timeout = 2
performance_schema = OFF
"""


def part(stack: StackDir, settings: Settings) -> Part:
    config = stack.config(NAME) / "my.cnf"
    return Part(
        name=NAME,
        argv=(debian.mariadbd(), f"--defaults-file={config}", *debian.mariadb_user()),
        host=settings.host,
        ports={"mysql": settings.ports["mysql"]},
        ready=partial(probes.mysql, settings),
        prepare=partial(prepare, stack, settings, config),
        stop_seconds=30,
    )


def prepare(stack: StackDir, settings: Settings, config: Path) -> None:
    config.parent.mkdir(parents=True, exist_ok=True)
    init = config.with_name("init.sql")
    init.write_text(init_sql(settings, dtm_schema.schema()))
    init.chmod(0o600)
    config.write_text(
        _CONFIG.format(
            data=stack.data(NAME),
            host=settings.host,
            port=settings.ports["mysql"],
            init=init,
            buffer_pool=settings.mysql_buffer_pool,
            flush=settings.mysql_flush_at_commit,
        )
    )
    if not (stack.data(NAME) / "mysql").is_dir():
        _make_data(stack.data(NAME))
    if aria_gave_up(stack.log(NAME)):
        set_aria_log_aside(stack.data(NAME))


def aria_gave_up(log: Path) -> bool:
    """Whether the last start failed because the log of Aria, which holds MariaDB's own tables, can't be read.

    A disk that was full leaves such a log when MariaDB died on it twice. The shop's tables are InnoDB's.
    """
    if not log.exists():
        return False
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - _LOG_TAIL_BYTES))
        tail = file.read().decode(errors="replace")
    return _NO_ARIA in tail.rpartition(_STARTS)[2]


def set_aria_log_aside(data: Path) -> None:
    """Moves the log files into a folder beside them. MariaDB makes new ones, and repairs tables as it opens them."""
    aside = data / "aria_log.aside"
    aside.mkdir(exist_ok=True)
    for file in data.glob("aria_log[._]*"):
        if file != aside:
            file.replace(aside / file.name)


def _make_data(data: Path) -> None:
    """Made beside its place and moved there whole: stopping a bring-up half-way leaves nothing half-made."""
    fresh = data.with_name(f"{data.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(mode=0o700)
    sql = "CREATE DATABASE mysql;\nUSE mysql;\n"
    sql += "".join((debian.mariadb_share() / name).read_text() for name in _SYSTEM_TABLES)
    argv = [debian.mariadbd(), "--no-defaults", "--bootstrap", *debian.mariadb_user(), f"--datadir={fresh}"]
    made = subprocess.run([*argv, "--skip-log-bin"], input=sql.encode(), capture_output=True, check=False)
    if made.returncode:
        told = made.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise PartFailed(f"MariaDB could not make its data folder: {' '.join(told)}")
    fresh.rename(data)


def init_sql(settings: Settings, schema: str) -> str:
    """One statement a line. Runs at every start: a changed password is taken over, and nothing is dropped."""
    password = _quoted(settings.mysql_password)
    lines = [f"ALTER USER root@localhost IDENTIFIED BY {password};"]
    for host in dict.fromkeys((settings.host, "127.0.0.1")):
        user = f"{_quoted(settings.mysql_user)}@{_quoted(host)}"
        lines += [
            f"CREATE USER IF NOT EXISTS {user};",
            f"ALTER USER {user} IDENTIFIED BY {password};",
            f"GRANT ALL PRIVILEGES ON *.* TO {user} WITH GRANT OPTION;",
        ]
    return "\n".join([*lines, *(f"{text};" for text in dtm_schema.statements(schema))]) + "\n"


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"
