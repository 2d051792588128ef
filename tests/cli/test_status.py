from tm23flows.cli.status import status_lines
from tm23flows.ops.progress import Progress


def test_an_archive_without_jobs(tm23, emt_archive):
    ran = tm23("status", "--json")
    assert ran.code == 0
    assert ran.json["documents"]["frames"] == 24
    assert ran.json["steps"] == 3 * 48


def test_failed_jobs_come_with_their_reasons():
    now = Progress({"COMPLETED": 1, "FIZZLED": 1}, [], {"Cu labels": "no bands"}, {"frames": 0}, 3)
    assert "  failed: Cu labels: no bands" in status_lines(now)
    assert "jobs: 1 of 2 done (1 completed, 1 fizzled)" in status_lines(now)
