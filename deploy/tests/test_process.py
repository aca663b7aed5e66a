"""Ownership: what was not started by this stack is never signalled."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from eshop_deploy import process
from eshop_deploy.layout import StackDir
from eshop_deploy.part import Part
from eshop_deploy.process import Record

SLEEP = (sys.executable, "-c", "import time; time.sleep(60)")


def part(*argv: str) -> Part:
    return Part(name="trial", argv=argv, host="127.0.0.1", ports={}, ready=lambda: None)


@pytest.fixture
def sleeper(stack: StackDir) -> Iterator[tuple[Record, subprocess.Popen[bytes]]]:
    record, child = process.start(stack, part(*SLEEP))
    yield record, child
    child.kill()
    child.wait()


def test_a_started_process_is_known_again_from_its_record(stack: StackDir, sleeper: tuple[Record, object]) -> None:
    assert process.read_record(stack.record("trial")) == sleeper[0]


def test_a_pid_that_was_handed_out_again_is_not_ours(stack: StackDir, sleeper: tuple[Record, object]) -> None:
    old = replace(sleeper[0], born=sleeper[0].born + "1")
    process.write_record(stack.record("trial"), old)
    assert process.read_record(stack.record("trial")) is None


def test_stopping_a_record_of_the_past_leaves_the_pids_new_owner_alone(
    sleeper: tuple[Record, subprocess.Popen[bytes]],
) -> None:
    record, child = sleeper
    process.stop(replace(record, born="another boot:1"), 0.2)
    assert child.poll() is None


def test_a_zombie_is_not_alive(sleeper: tuple[Record, subprocess.Popen[bytes]]) -> None:
    record, _ = sleeper
    os.kill(record.pid, signal.SIGKILL)
    wait_until(lambda: not record.alive())
    assert os.path.exists(f"/proc/{record.pid}")


def test_stop_waits_for_a_willing_process(sleeper: tuple[Record, subprocess.Popen[bytes]]) -> None:
    record, child = sleeper
    assert process.stop(record, 5)
    assert child.wait() == -signal.SIGTERM


def test_stop_kills_what_ignores_it(stack: StackDir) -> None:
    deaf = "import signal, time; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
    record, child = process.start(stack, part(sys.executable, "-c", deaf))
    wait_until(lambda: "deaf" in stack.log("trial").read_text())
    assert not process.stop(record, 0.2)
    assert child.wait() == -signal.SIGKILL


def test_a_paused_process_is_told_from_a_running_one_and_still_stops(
    sleeper: tuple[Record, subprocess.Popen[bytes]],
) -> None:
    record, child = sleeper
    assert not process.is_paused(record.pid)
    os.kill(record.pid, signal.SIGSTOP)
    wait_until(lambda: process.is_paused(record.pid))
    assert process.stop(record, 5)
    child.wait()


def test_a_process_without_a_record_is_found_by_its_mark(stack: StackDir, sleeper: tuple[Record, object]) -> None:
    stack.record("trial").unlink()
    assert [(stray.name, stray.pid) for stray in process.strays(stack)] == [("trial", sleeper[0].pid)]


def test_another_stacks_processes_are_no_strays(stack: StackDir, sleeper: tuple[Record, object]) -> None:
    assert process.strays(StackDir(stack.path.with_name("tri"))) == []


def test_a_process_gets_its_own_settings_and_none_of_the_callers(
    stack: StackDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ESHOP_MYSQL_PORT", "1")
    show = "import os; print(os.environ.get('ESHOP_MYSQL_PORT'), os.environ['ESHOP_HOST'])"
    told = replace(part(sys.executable, "-c", show), env={"ESHOP_HOST": "here"})
    process.start(stack, told)[1].wait()
    assert stack.log("trial").read_text() == "None here\n"


def test_a_log_that_has_grown_long_is_put_aside(stack: StackDir, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "LOG_BYTES", 10)
    stack.log("trial").write_text("a long life before")
    process.start(stack, part(sys.executable, "-c", "print('new')"))[1].wait()
    assert stack.log("trial").read_text() == "new\n"
    assert stack.log("trial").with_suffix(".log.1").read_text() == "a long life before"


def test_a_fingerprint_changes_with_what_a_part_is_started_with() -> None:
    base = part("a")
    assert base.fingerprint == part("a").fingerprint
    assert base.fingerprint != part("b").fingerprint
    assert base.fingerprint != replace(base, env={"ESHOP_HOST": "x"}).fingerprint


def wait_until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 5
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)
