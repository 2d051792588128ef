"""Rates and rests, with a clock that the tests move."""

from collections import Counter
from datetime import timedelta

import pytest
from jobflow.managers.fireworks import flow_to_workflow
from status_kit import fill_launchpad

from tm23flows.documents.base import Provenance
from tm23flows.ops.moments import moment, server_now
from tm23flows.ops.status import rates
from tm23flows.ops.status.jobs import JobTable, Place, count_jobs
from tm23flows.ops.status.rates import (
    Ends,
    Rate,
    Steps,
    ends_of_jobs,
    estimate,
    label_rate,
    step_rate,
)

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
NO_STEPS = Steps(Rate(0, 3600), 0)


def test_a_rate_is_per_hour():
    assert Rate(10, 1800).per_hour == 20


def test_jobs_that_ended_in_the_window_make_the_rate(launchpad, tmp_path, archive):
    fill_launchpad(launchpad, tmp_path)
    table, now = count_jobs(launchpad.db), server_now(archive.database)
    first = min(moment(one["time_start"]) for one in launchpad.launches.find({}))
    later = first + 2 * HOUR
    found = ends_of_jobs(launchpad.db, table, later, DAY)
    # work began two hours ago, so the rate is over these and not over a day
    assert found.rates["label"].done == 2
    assert found.rates["label"].per_hour == pytest.approx(1, rel=0.01)
    assert set(found.rates) == {"label"}
    assert 0 <= found.mean_s["label"] < 600
    # and in a window without an end of a job nothing was done
    assert ends_of_jobs(launchpad.db, table, now + 3 * HOUR, HOUR).rates["label"].done == 0


def test_labels_count_from_when_they_were_made(archive, make_frame, make_label):
    now = server_now(archive.database)
    assert label_rate(archive.database, now, DAY).per_hour == 0
    for seed, age in enumerate((HOUR / 2, 2 * HOUR, 30 * HOUR)):
        past = Provenance.now().model_copy(update={"created": now - age})
        archive.put(make_label(make_frame(seed), provenance=past))
    assert label_rate(archive.database, now, HOUR) == Rate(1, 3600)
    assert label_rate(archive.database, now, DAY) == Rate(2, 24 * 3600)
    assert label_rate(archive.database, now, 10 * DAY) == Rate(3, 30 * 3600)
    assert label_rate(archive.database, now, DAY, "Ti").done == 0


def test_steps_that_were_done_and_steps_that_jobs_are_to_do(emt_copy, launchpad, emt_maker):
    launchpad.add_wf(flow_to_workflow(emt_maker.make("Cu"), store=None))
    names = {"TrajectoryJobMaker.make"}
    jobs = launchpad.fireworks.find({"spec._category": "aimd"}, {"spec._tasks": 1})
    asked = [one["spec"]["_tasks"][0]["job"] for one in jobs]
    assert {one["function"]["@callable"] for one in asked} == names
    total = sum(one["function_args"][3] for one in asked)
    now = server_now(emt_copy.database)
    found = step_rate(emt_copy.database, launchpad.db, now, 1000 * DAY)
    # the archive has these very runs, so the jobs have nothing left to do
    assert found.rate.done == total == 3 * 48
    assert found.left == 0
    later = step_rate(emt_copy.database, launchpad.db, now + 2 * DAY, DAY)
    assert later.rate.done == 0
    emt_copy.database["trajectories"].update_many({"regime": "cold"}, {"$set": {"segments": []}})
    assert step_rate(emt_copy.database, launchpad.db, now, DAY).left == 48
    assert step_rate(emt_copy.database, launchpad.db, now, DAY, "Ti") == Steps(Rate(0, 86400), 0)


def test_a_run_with_another_engine_is_another_run(emt_copy, launchpad, emt_maker):
    launchpad.add_wf(flow_to_workflow(emt_maker.make("Cu"), store=None))
    emt_copy.database["trajectories"].update_many({}, {"$set": {"recipe.engine": "gpaw"}})
    now = server_now(emt_copy.database)
    assert step_rate(emt_copy.database, launchpad.db, now, DAY).left == 3 * 48


def table(**numbers):
    counts = {Place("Cu", stage): Counter(words) for stage, words in numbers.items()}
    return JobTable(counts, {})


def test_what_is_left_takes_as_long_as_the_rate_says():
    ends = Ends({"label": Rate(4, 7200)}, {"label": 600.0})
    jobs = table(label={"done": 4, "ready": 5, "waiting": 1, "failed": 7, "paused": 2})
    stages, together = estimate(jobs, ends, NO_STEPS)
    assert stages["label"].seconds == pytest.approx(3 * 3600)
    assert "as fast as in the window" in stages["label"].assumes
    assert together.seconds == together.latest_s == stages["label"].seconds
    assert "failed and paused" in together.assumes


def test_nothing_measured_is_unknown_and_so_is_the_whole():
    ends = Ends({"label": Rate(4, 7200)}, {"label": 600.0})
    jobs = table(label={"ready": 2}, aimd={"ready": 1})
    stages, together = estimate(jobs, ends, NO_STEPS)
    assert stages["aimd"].seconds is None
    assert together.seconds is None
    assert "aimd" in together.assumes


def test_stages_side_by_side_or_one_after_the_other():
    ends = Ends({"label": Rate(1, 3600), "analyse": Rate(2, 3600)}, {"label": 1.0, "analyse": 1.0})
    _, together = estimate(table(label={"ready": 3}, analyse={"ready": 2}), ends, NO_STEPS)
    assert (together.seconds, together.latest_s) == (3 * 3600, 4 * 3600)


def test_where_the_window_is_empty_earlier_jobs_and_the_workers_of_now_count():
    ends = Ends({"label": Rate(0, 3600)}, {"label": 600.0})
    stages, _ = estimate(table(label={"ready": 4, "running": 2}), ends, NO_STEPS)
    assert stages["label"].seconds == 6 * 600 / 2
    assert stages["label"].assumes == rates.AS_BEFORE
    stages, _ = estimate(table(label={"ready": 4}), ends, NO_STEPS)
    assert (stages["label"].seconds, stages["label"].assumes) == (None, rates.NO_WORKER)


def test_molecular_dynamics_is_measured_in_steps():
    jobs = table(aimd={"running": 3})
    stages, _ = estimate(jobs, Ends({}, {}), Steps(Rate(100, 3600), 900))
    assert stages["aimd"].seconds == pytest.approx(9 * 3600)
    assert stages["aimd"].assumes == rates.AS_STEPS


def test_nothing_left_takes_no_time():
    stages, together = estimate(table(label={"done": 4, "failed": 1}), Ends({}, {}), NO_STEPS)
    assert stages == {}
    assert (together.seconds, together.latest_s) == (0, 0)
