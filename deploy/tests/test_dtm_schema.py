from __future__ import annotations

import pytest

from eshop_deploy import dtm_schema
from eshop_deploy.layout import tools_dir

MODULES_OWN = ("dtmsvr.storage.mysql.sql", "dtmcli.barrier.mysql.sql")


def test_the_schema_is_the_one_that_the_dtm_module_ships() -> None:
    folder = tools_dir() / "dtm" / "sqls"
    if not folder.is_dir():
        pytest.skip("DTM has not been built here")
    shipped = "".join((folder / name).read_text() for name in MODULES_OWN)
    assert dtm_schema.statements(dtm_schema.schema()) == dtm_schema.statements(shipped)


def test_nothing_is_dropped() -> None:
    assert "drop table" in dtm_schema.schema()
    assert not [line for line in dtm_schema.statements(dtm_schema.schema()) if "drop" in line.lower()]
