"""One recovery at a time; one that died keeps no other from its work."""

import pytest

from tm23flows.errors import StaleClaimError
from tm23flows.ops.recovery.one_at_a_time import TASK, one_recovery

HERE = f"process {__import__('os').getpid()} on "


def test_a_second_one_is_told_who_recovers(archive):
    with one_recovery(archive) as (still_ours, other):
        assert other is None
        still_ours()
        with one_recovery(archive) as (nothing, first):
            assert nothing is None
            assert first.startswith(HERE)
        still_ours()
    with one_recovery(archive) as (still_ours, _):
        still_ours()
    assert archive.database["claims"].find_one({"_id": TASK})["state"] == "done"


def test_one_whose_process_is_no_more_is_followed_by_the_next(archive):
    with one_recovery(archive) as (still_ours, _):
        dead = {"$set": {"process_start": "0.00"}}
        archive.database["claims"].update_one({"_id": TASK}, dead)
        with one_recovery(archive) as (of_the_next, _):
            of_the_next()
            with pytest.raises(StaleClaimError):
                still_ours()
        assert archive.database["claims"].find_one({"_id": TASK})["state"] == "done"


def test_one_that_fails_says_so(archive):
    with pytest.raises(RuntimeError), one_recovery(archive):
        raise RuntimeError
    assert archive.database["claims"].find_one({"_id": TASK})["state"] == "failed"
