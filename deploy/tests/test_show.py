from __future__ import annotations

from pathlib import Path

import pytest

from eshop_deploy import show_logs
from eshop_deploy.failures import BringUpError
from eshop_deploy.layout import StackDir
from eshop_deploy.show_status import duration, show_status
from eshop_deploy.status import PartStatus, StackStatus, read_status, write_status


@pytest.mark.parametrize(("seconds", "told"), [(0, "0 s"), (59, "59 s"), (60, "1 min"), (3600, "1 h"), (200000, "2 d")])
def test_a_duration_is_told_in_its_largest_unit(seconds: float, told: str) -> None:
    assert duration(seconds) == told


def test_a_log_that_grows_shows_whole_lines_once(tmp_path: Path) -> None:
    log = tmp_path / "order.log"
    log.write_text("old\n")
    offsets = {log: 4}
    with log.open("a") as out:
        out.write("one\nhal")
    assert show_logs.added(log, offsets) == ["one"]
    with log.open("a") as out:
        out.write("f\n")
    assert show_logs.added(log, offsets) == ["half"]
    assert show_logs.added(log, offsets) == []


def test_a_log_that_was_put_aside_is_read_from_its_new_beginning(tmp_path: Path) -> None:
    log = tmp_path / "order.log"
    log.write_text("new\n")
    assert show_logs.added(log, {log: 5000}) == ["new"]


def test_asking_for_an_unknown_log_names_the_known_ones(stack: StackDir) -> None:
    stack.log("mysql").write_text("")
    with pytest.raises(BringUpError) as raised:
        show_logs.show_logs(stack, "mysq", 5, follow=False)
    assert raised.value.fix == "Logs: mysql"


def test_a_stack_that_was_never_started_says_how_to_start_it(
    stack: StackDir, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not show_status(stack)
    assert "Stack trial is not running. Start it: make up" in capsys.readouterr().out


def test_a_status_is_read_as_it_was_written(stack: StackDir) -> None:
    status = StackStatus("all", 3, [PartStatus("mysql", "ready", {"mysql": 3306}, pid=1)])
    write_status(stack.status_file, status)
    assert read_status(stack.status_file) == status
    assert status.ready


def test_a_half_written_status_counts_as_none(stack: StackDir) -> None:
    stack.status_file.write_text('{"goal": "all", "pa')
    assert read_status(stack.status_file) is None
