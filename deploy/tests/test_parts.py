from __future__ import annotations

import sys
from pathlib import Path

import pytest

from eshop_deploy.layout import StackDir
from eshop_deploy.parts import dtm, layer_of, mariadb, services
from eshop_deploy.settings import SERVICES, read_settings

SCHEMA = """CREATE DATABASE IF NOT EXISTS dtm
/*!40100 DEFAULT CHARACTER SET utf8mb4 */
;
drop table IF EXISTS dtm.kv;
CREATE TABLE IF NOT EXISTS dtm.kv (
  `id` bigint(22) NOT NULL
);
"""


def test_mysqls_init_file_never_drops_a_table() -> None:
    sql = mariadb.init_sql(read_settings({}), SCHEMA)
    assert "drop" not in sql.lower()
    assert "CREATE TABLE IF NOT EXISTS dtm.kv ( `id` bigint(22) NOT NULL );" in sql


def test_mysqls_init_file_holds_one_statement_a_line() -> None:
    lines = mariadb.init_sql(read_settings({}), SCHEMA).splitlines()
    assert all(line.endswith(";") and line.count(";") == 1 for line in lines)


def test_a_password_with_quotes_stays_inside_its_quotes() -> None:
    sql = mariadb.init_sql(read_settings({"ESHOP_MYSQL_PASSWORD": "o'n\\e"}), "")
    assert r"ALTER USER 'root'@'127.0.0.1' IDENTIFIED BY 'o''n\\e';" in sql


def test_a_log_of_aria_that_could_not_be_read_at_the_last_start_is_set_aside(tmp_path: Path) -> None:
    log, failed = tmp_path / "mysql.log", "[ERROR] Plugin 'Aria' registration as a STORAGE ENGINE failed.\n"
    assert not mariadb.aria_gave_up(log)
    log.write_text(f"Starting MariaDB 10\n{failed}[ERROR] Aborting\n" + "a line of a stack trace\n" * 1_000)
    assert mariadb.aria_gave_up(log)
    for name in ("aria_log_control", "aria_log.00000001", "ibdata1"):
        (tmp_path / name).write_text(name)
    for _ in range(2):
        mariadb.set_aria_log_aside(tmp_path)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["aria_log.aside", "ibdata1", "mysql.log"]
    assert {file.name for file in (tmp_path / "aria_log.aside").iterdir()} == {"aria_log_control", "aria_log.00000001"}
    log.write_text(f"Starting MariaDB 10\n{failed}Starting MariaDB 10\nready for connections\n")
    assert not mariadb.aria_gave_up(log)


def test_dtm_binds_the_stacks_address_and_its_own_store() -> None:
    for_orders, for_sales = dtm.parts(read_settings({}).shifted(1000))
    assert for_orders.env["DTM_LISTEN_HOST"] == "127.0.0.1"
    assert (for_orders.env["STORE_DRIVER"], for_orders.env["STORE_PORT"]) == ("mysql", "4306")
    assert (for_sales.env["STORE_DRIVER"], for_sales.env["STORE_PORT"]) == ("redis", "7379")
    assert for_sales.env["HTTP_PORT"] == "36789"
    assert for_orders.needs == ("mysql",)
    assert for_sales.needs == ("redis",)


def test_every_service_runs_as_its_own_module() -> None:
    parts = services.parts(read_settings({}))
    assert [part.name for part in parts] == list(SERVICES)
    assert parts[-1].argv == (sys.executable, "-m", "eshop_gw")
    assert parts[0].argv == (sys.executable, "-m", "eshop_user")


def test_a_service_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch, stack: StackDir) -> None:
    (stack.path / "eshop_pay").mkdir()  # a mere folder of that name is no installation
    monkeypatch.syspath_prepend(str(stack.path))
    monkeypatch.setattr(services, "SERVICES", ("pay", "deploy"))
    monkeypatch.delitem(sys.modules, "eshop_pay", raising=False)
    monkeypatch.setattr(services, "package", {"pay": "eshop_paid", "deploy": "eshop_deploy"}.__getitem__)
    assert services.missing() == ["pay"]


def test_the_gateway_stops_first_and_the_stores_last() -> None:
    names = ["mysql", "gw", "dtm-redis", "order"]
    assert sorted(names, key=layer_of, reverse=True) == ["gw", "order", "dtm-redis", "mysql"]
