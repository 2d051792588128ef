"""A flow is run here, or written for the cluster; never half of either."""

import warnings

import pytest
from jobflow import Flow, Response, job

from tm23flows.cli.execution import check_output, job_names, run_here, write_workflow
from tm23flows.errors import InputError, OutOfTimeError, TrainingError
from tm23flows.flows.naming import tagged


@job
def twice(number: int) -> int:
    return 2 * number


@job
def in_two_goes(number: int) -> Response:
    return Response(0, detour=twice(number))


@job
def fail() -> None:
    raise TrainingError("There is no model.")


def test_outputs_come_by_job(archive, tmp_path):
    first = twice(3)
    second = twice(first.output)
    outputs = run_here(Flow([first, second]), tmp_path / "deep" / "work")
    assert (outputs[first.uuid], outputs[second.uuid]) == (6, 12)


def test_names_of_jobs_that_have_nothing_to_do_with_each_other_come_without_a_warning():
    jobs = [twice(3), fail()]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        names = job_names(Flow(jobs))
    assert names == {one.uuid: one.name for one in jobs}


def test_a_job_that_went_on_speaks_under_its_own_name(archive, tmp_path):
    first = in_two_goes(3)
    after = twice(first.output)
    outputs = run_here(Flow([first, after]), tmp_path)
    assert (outputs.pop(first.uuid), outputs.pop(after.uuid)) == (0, 0)
    assert list(outputs.values()) == [6]


def test_the_error_of_a_job_is_the_error_of_the_command(archive, tmp_path):
    with pytest.raises(TrainingError, match="no model"):
        run_here(Flow([fail()]), tmp_path)


@job
def late() -> None:
    raise OutOfTimeError("start rlaunch otherwise")


def test_a_person_whose_time_is_over_is_not_told_of_workers(archive, tmp_path):
    with pytest.raises(OutOfTimeError, match="run the same command again"):
        run_here(Flow([late()]), tmp_path)


def test_a_workflow_is_complete_or_not_there(archive, tmp_path, capsys):
    from fireworks import Workflow

    path = tmp_path / "wf.yaml"
    jobs = [tagged(twice(number), f"job {number}", "data", "Cu") for number in (1, 2)]
    flow = Flow(jobs)
    write_workflow(flow, path)
    assert len(Workflow.from_file(str(path)).fws) == 2
    assert "2 jobs" in capsys.readouterr().out
    path.unlink()
    path.mkdir()
    with pytest.raises(InputError, match="cannot be written"):
        write_workflow(flow, path)
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_not_there_is_said_before_any_work(tmp_path):
    check_output(tmp_path / "wf.yaml")
    with pytest.raises(InputError, match="no folder"):
        check_output(tmp_path / "nowhere" / "wf.yaml")
