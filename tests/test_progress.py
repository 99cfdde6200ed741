"""The line of progress says what was counted."""

from collections import Counter
from itertools import pairwise
from types import SimpleNamespace

import pyarrow as pa
import pytest
import ray

from execground_ray.progress import MOST_POINTS, History, Progress, Tally, count_rows, describe


def test_the_line_in_the_middle_of_a_run():
    counts = Counter(examples=7700, too_long=3900, exception=500, timeout=200, memory=90, killed=10)
    assert describe(counts, 370_000, 134.0) == (
        "12,400 of 370,000 problems · 7,700 examples · 4,700 rejected: "
        "3,900 too_long, 500 exception, 200 timeout, 90 memory, … · 93/s · 64 min left"
    )


def test_nothing_is_guessed_before_the_first_row():
    assert describe(Counter(), 127, 10.0) == "0 of 127 problems · 0 examples · 0 rejected"


def test_no_division_by_no_time():
    assert describe(Counter(examples=1), 2, 0.0) == "1 of 2 problems · 1 examples · 0 rejected"


def test_all_reasons_are_named_where_they_are_few():
    line = describe(Counter(too_long=2, exception=1), 6, 3.0)
    assert line == "3 of 6 problems · 0 examples · 3 rejected: 2 too_long, 1 exception · 1/s · 3 s left"


@pytest.mark.parametrize(
    ("left", "words"),
    [(0, "0 s left"), (119, "119 s left"), (120, "2 min left"), (7199, "119 min left"), (7200, "2.0 h left")],
)
def test_time_left_is_in_the_unit_people_use(left, words):
    assert describe(Counter(examples=10), 10 + left, 10.0).endswith(words)


def test_rows_counted_twice_leave_no_negative_time():
    assert describe(Counter(examples=12), 10, 1.0).endswith("0 s left")


def test_a_batch_is_counted_by_reason_and_passes_unchanged():
    tally = Tally()
    handle = SimpleNamespace(add=SimpleNamespace(remote=tally.add))
    batch = pa.table({"id": ["a", "b", "c"], "reason": ["", "too_long", ""]})
    assert count_rows(batch, handle) is batch
    count_rows(batch, handle)
    assert tally.read() == {"examples": 4, "too_long": 2}


def test_further_examples_are_no_further_problems():
    tally = Tally()
    handle = SimpleNamespace(add=SimpleNamespace(remote=tally.add))
    ids, reasons = ["a", "a-2", "a-3", "b.2", "b.2-2"], ["", "", "ungrounded", "", ""]
    count_rows(pa.table({"id": ids, "reason": reasons}), handle)
    assert describe(tally.read(), 4, 2.0) == "2 of 4 problems · 4 examples · 0 rejected · 1/s · 2 s left"


def test_history_stays_short_and_evenly_spread():
    history = History()
    for second in range(1, 1001):
        history.note(float(second), 3 * second)
    history.note(1000.2, 3001, last=True)
    seconds, finished = zip(*history.points, strict=True)
    assert 20 <= len(seconds) <= MOST_POINTS
    assert (history.points[0], history.points[-1]) == ((0.0, 0), (1000.2, 3001))
    assert finished[:-1] == tuple(3 * second for second in seconds[:-1])
    assert {later - earlier for earlier, later in pairwise(seconds[:-1])} == {seconds[1]}


@pytest.mark.parametrize("no_restart", [False, True])
def test_a_tally_that_is_lost_ends_no_run(ray_session, no_restart):
    progress = Progress(10)
    with progress:
        ray.get(progress.tally.add.remote({"examples": 4}))
        progress._look()
        ray.kill(progress.tally, no_restart=no_restart)
        count_rows(pa.table({"id": ["a"], "reason": [""]}), progress.tally)
    assert progress.history.points[-1][1] in {4, 5}  # the row may have been counted before the tally went
