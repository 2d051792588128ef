from collections import Counter

import pytest

from tm23flows.ops.status.jobs import RunningJob
from tm23flows.ops.status.rates import Estimate
from tm23flows.ops.status.words import duration, heard, per_hour, reasons, states, time_left


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.4, "0 s"), (119.4, "119 s"), (120, "2 min"), (7199, "119 min"), (7200, "2 h 0 min"),
     (86400, "1 d 0 h"), (190000, "2 d 4 h")],
)  # fmt: skip
def test_times_have_two_words_at_most(seconds, words):
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("rate", "words"),
    [(None, "unknown"), (0, "0"), (0.25, "0.25"), (12.345, "12.3"), (831.4, "831"), (99.99, "100"),
     (123456.0, "123456")],
)  # fmt: skip
def test_rates_have_three_digits(rate, words):
    assert per_hour(rate) == words


def test_what_is_left():
    assert time_left(None) == "-"
    assert time_left(Estimate(None, None, "")) == "unknown"
    assert time_left(Estimate(300, 300, "")) == "about 5 min"
    assert time_left(Estimate(300, 9000, "")) == "5 min to 2 h 30 min"


def test_jobs_by_state():
    assert states(Counter()) == "0 of 0 done"
    assert states(Counter(done=2)) == "2 of 2 done"
    given = Counter(done=2, waiting=4, failed=1, running=3)
    assert states(given) == "2 of 10 done, 3 running, 1 failed, 4 waiting"


def test_workers_that_are_heard_of_and_that_are_not():
    def job(heard_s, *, silent):
        return RunningJob(1, "a", "Cu", "label", "node", 1.0, heard_s, silent)

    assert heard(job(12.0, silent=False)) == "12 s ago"
    assert heard(job(7300.0, silent=True)) == "2 h 1 min ago, probably dead"
    assert heard(job(None, silent=True)) == "never"


def test_reasons_with_their_numbers():
    assert reasons({"not_converged": 4, "other": 1}) == "4 not_converged, 1 other"
