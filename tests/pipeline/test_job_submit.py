"""``ray job submit`` on a cluster of two nodes with token authentication: submit, stop, submit again."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from job import ROOT, command_line, living_below, signal_if_there

pytestmark = pytest.mark.slow

PROBLEMS = 40 + 12
PATIENCE_SECONDS = 30


@pytest.fixture(scope="module")
def seen():
    before = living_below(None)
    script = [sys.executable, str(Path(__file__).with_name("submit_job.py"))]
    done = subprocess.run(script, cwd=ROOT, capture_output=True, text=True, timeout=400, env=os.environ, check=False)
    end = time.monotonic() + PATIENCE_SECONDS
    while (left := living_below(None) - before) and time.monotonic() < end:
        time.sleep(0.2)
    commands = [command_line(pid) for pid in left]
    for pid in left:
        signal_if_there(pid)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1]) | {"left": commands}


def test_nobody_gets_in_without_the_token(seen):
    assert seen["without_token"] in (401, 403)
    assert seen["token_in_output"] == []


def test_only_what_the_job_needs_travels(seen):
    assert seen["submitted"] == 0
    assert 0 < seen["package_megabytes"]["megabytes"] < 2
    assert seen["package_megabytes"]["unwanted"] == []


def test_a_stopped_job_says_so_and_is_not_finished(seen):
    assert seen["stopped"] == 0
    assert "was stopped" in seen["status"]
    assert 0 < seen["rows_at_stop"] < PROBLEMS
    assert not seen["finished_at_stop"]
    assert "Stopped. What is written is kept" in seen["logs_of_first"]


def test_the_same_command_goes_on(seen):
    assert seen["second"] == 0, seen["logs_of_second"]
    assert f"of {PROBLEMS} problems are done already" in seen["logs_of_second"]
    assert "every problem is accounted for" in seen["logs_of_second"]
    assert len(seen["ids"]) == len(set(seen["ids"])) == PROBLEMS
    assert seen["summary"]["counts_add_up"]
    assert seen["summary"]["legs"] == 2


def test_nothing_is_left_running(seen):
    assert seen["left"] == []
