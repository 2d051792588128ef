from tm23flows.cli.status import status_lines
from tm23flows.ops.progress import Progress
from tm23flows.store.trainings import begin_training, end_training


def test_an_archive_without_jobs(tm23, emt_archive):
    ran = tm23("status", "--json")
    assert ran.code == 0
    # other tests may have added to it
    frames = emt_archive.database["frames"].count_documents({})
    assert ran.json["documents"]["frames"] == frames >= 24
    assert ran.json["steps"] >= 3 * 48


def test_failed_jobs_come_with_their_reasons():
    now = Progress({"COMPLETED": 1, "FIZZLED": 1}, [], {"Cu labels": "no bands"}, {"frames": 0}, 3)
    assert "  failed: Cu labels: no bands" in status_lines(now)
    assert "jobs: 1 of 2 done (1 completed, 1 fizzled)" in status_lines(now)


def test_reasons_are_shown_as_they_are(tm23, archive):
    """PyTorch begins with "[enforce fail at ...", which a terminal's markup would swallow."""
    about = {"trainer": "nequip", "element": "Cu"}
    begin_training(archive, "a" * 64, about, "node")
    reason = "[enforce fail at alloc_cpu.cpp:75] not enough memory [/tmp/train.log]"
    end_training(archive, "a" * 64, "failed", "out_of_memory", reason)
    assert reason in tm23("status").out
