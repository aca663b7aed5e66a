"""Crash points: nothing happens where none is armed, and one process dies at each that is."""

import os
import signal

import pytest

from eshop_chassis import ServiceSettings, crash_points
from eshop_chassis.crash_points import crash_point
from eshop_chassis.process.run import load_settings
from eshop_chassis.settings import UnusableSettingError


@pytest.fixture
def killed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The signals that this process would have ended itself with."""
    signals: list[int] = []
    monkeypatch.setattr(os, "kill", lambda _pid, number: signals.append(number))
    monkeypatch.setattr(crash_points, "_armed_by", None)
    return signals


def test_a_point_is_passed_unless_it_is_armed(killed, tmp_path):
    (tmp_path / "stock.after_commit.action").touch()
    crash_point("after_commit", "action")
    crash_points.switch_on("pay", str(tmp_path))
    crash_point("after_commit", "action")
    crash_points.switch_on("stock", str(tmp_path))
    crash_point("before_commit", "action")
    crash_point("after_commit", "compensate")
    crash_point("after_commit")
    assert killed == []


def test_an_armed_point_kills_once(killed, tmp_path):
    crash_points.switch_on("stock", str(tmp_path))
    armed = tmp_path / "stock.before_submit"
    armed.touch()
    crash_point("before_submit")
    crash_point("before_submit")
    assert killed == [signal.SIGKILL]
    assert not armed.exists()


def test_the_prod_profile_does_not_start_with_crash_points(monkeypatch, tmp_path):
    monkeypatch.setenv("ESHOP_PROFILE", "prod")
    monkeypatch.setenv("ESHOP_CRASH_POINTS", str(tmp_path))
    with pytest.raises(UnusableSettingError, match="ESHOP_CRASH_POINTS"):
        load_settings(ServiceSettings)
