"""A dry run does nothing; who has lost the recovery does nothing either."""

import pytest

from tm23flows.errors import StaleClaimError
from tm23flows.ops.recovery.record import STEPS, Mended, Report, Work

FOUND = Mended("jobs", "1 (a job)", "nobody does it", "put back")


def test_what_could_not_be_done_is_a_problem():
    done = Work(None, None).mend(FOUND, lambda: "locked")
    assert (done.what, done.problem) == ("nobody does it", "locked")
    report = Report(mended=[FOUND, done])
    assert report.problems == [done]
    assert report.as_dict()["problems"] == 1
    assert FOUND.step in STEPS


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_dry_run_only_looks_and_a_stale_recovery_writes_nothing(dry_run):
    acts = []

    def lost():
        raise StaleClaimError("lost")

    work = Work(None, None, dry_run=dry_run, still_ours=lost)
    if dry_run:
        assert work.mend(FOUND, lambda: acts.append(1)) == FOUND
    else:
        with pytest.raises(StaleClaimError):
            work.mend(FOUND, lambda: acts.append(1))
    assert acts == []
