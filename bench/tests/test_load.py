"""Reading what k6 says."""

import io
import subprocess
import sys

import pytest

from eshop_bench.load import Load, read_summary
from eshop_deploy.stacks import BringUpError

TOLD = {
    "metrics": {
        "http_req_duration": {"avg": 9.5, "min": 1, "max": 80, "p(50)": 8.25, "p(95)": 20.5, "p(99)": 40},
        "accepted": {"count": 900, "rate": 90.0},
        "sold_out": {"count": 100, "rate": 10.0},
        "iterations": {"count": 1000, "rate": 100.0},
        "failures": {"count": 0, "rate": 0},
    }
}


def test_a_summary_gives_the_answers_by_kind_and_the_percentiles() -> None:
    summary = read_summary(TOLD)

    assert summary.answers == {"accepted": 900, "sold_out": 100, "failures": 0}
    assert (summary.p50, summary.p95, summary.p99) == (8.25, 20.5, 40.0)


def test_a_kind_that_the_scripts_do_not_know_is_no_answer() -> None:
    assert "iterations" not in read_summary(TOLD).answers


@pytest.mark.parametrize("metrics", [{}, {"http_req_duration": {"avg": 1, "p(95)": 2}}])
def test_a_summary_without_percentiles_is_refused(metrics: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="holds no request"):
        read_summary({"metrics": metrics})


def ended_process() -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", "raise SystemExit(107)"], text=True)
    process.wait()
    return process


def test_the_load_lasts_from_its_first_mark_to_its_last() -> None:
    load = Load(ended_process())
    load.follow(io.StringIO('msg="load began" source=console\nsome warning\nmsg="load ended" source=console\n'))
    load.await_end(5, lambda _seconds: None)

    assert load.began <= load.ended
    assert load.seconds == load.ended - load.began
    assert load.told() == "some warning"


def test_a_k6_that_dies_before_the_load_has_ended_is_told_with_its_last_words() -> None:
    load = Load(ended_process())
    load.follow(io.StringIO('msg="load began" source=console\nSyntaxError: oh\n'))

    with pytest.raises(BringUpError, match="exit code 107") as told:
        load.await_end(5, lambda _seconds: None)
    assert "SyntaxError: oh" in str(told.value)
