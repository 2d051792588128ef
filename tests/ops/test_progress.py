from fireworks import Firework, ScriptTask, Workflow
from fireworks.utilities.fw_serializers import SAVED_FW_MODULES

from tm23flows.ops.launchpad import open_launchpad
from tm23flows.ops.progress import Progress, observe, open_trainings
from tm23flows.store.trainings import begin_training, end_training, list_trainings


def _progress(**jobs: int) -> Progress:
    failed = {"a job": "a reason"} if jobs.get("FIZZLED") else {}
    return Progress(jobs, [], failed, {}, 0)


def test_waiting_behind_a_failure_is_not_active():
    assert _progress(COMPLETED=2, FIZZLED=1, WAITING=3).active == 0
    assert _progress(COMPLETED=2, FIZZLED=1, WAITING=3, RUNNING=1).active == 4
    assert _progress(COMPLETED=2, WAITING=3, READY=1).active == 4
    assert _progress(COMPLETED=6).active == 0


def test_total_and_done_count_every_state():
    now = _progress(COMPLETED=2, FIZZLED=1, WAITING=3)
    assert (now.done, now.total) == (2, 6)


def test_observe_counts_jobs_documents_and_steps(emt_archive, database_server, monkeypatch):
    monkeypatch.setitem(SAVED_FW_MODULES, "ScriptTask", ScriptTask.__module__)
    launchpad = open_launchpad(database_server.uri, "progress-launchpad")
    jobs = [Firework([ScriptTask.from_str("true")], name=name) for name in ("one", "two")]
    launchpad.add_wf(Workflow(jobs, {jobs[0]: [jobs[1]]}))
    now = observe(emt_archive, launchpad.db)
    assert now.jobs == {"WAITING": 1, "READY": 1}
    assert now.documents["frames"] == emt_archive.database["frames"].count_documents({})
    assert now.steps == 3 * 48
    assert now.as_dict()["failed"] == {}


def test_a_training_that_was_followed_by_success_is_over(archive):
    about = {"trainer": "flare", "element": "Cu", "dataset": "Cu-demo"}

    def train(model_id, end, **words):
        begin_training(archive, model_id, {**about, **words}, "node")
        if end:
            end_training(archive, model_id, end, "diverged" if end == "failed" else None)

    def left():
        return {one.model_id for one in open_trainings(archive)}

    train("failed first", "failed")
    train("of another dataset", "failed", dataset="Ti-demo")
    train("goes on", None)
    train("stopped", "stopped")
    assert left() == {"failed first", "of another dataset", "goes on", "stopped"}
    train("second try", "done")
    assert left() == {"of another dataset", "goes on", "stopped"}
    train("failed later", "failed")
    assert "failed later" in left()


def test_a_training_whose_model_is_there_is_over_whoever_could_not_say_so(road):
    archive, evaluation = road
    for number, end in enumerate((None, "stopped", "failed")):
        begin_training(archive, evaluation.model_id, {"trainer": "flare", "element": "Cu"}, "node")
        if end:
            end_training(archive, evaluation.model_id, end)
        assert list_trainings(archive)[0].attempts == number + 1
        assert open_trainings(archive) == []
