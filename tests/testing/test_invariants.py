"""The assertion of tests: silent on a sound archive, and says all that is wrong."""

import pytest

from tm23flows.testing.invariants import assert_all_invariants


def test_a_sound_archive_passes(emt_archive):
    assert_all_invariants(emt_archive)


def test_everything_that_is_wrong_is_in_the_message(emt_copy):
    emt_copy.database["structures"].delete_many({})
    key = emt_copy.database["labels"].find_one()["_id"]
    emt_copy.database["labels"].update_one({"_id": key}, {"$unset": {"forces": 1}})
    with pytest.raises(AssertionError) as caught:
        assert_all_invariants(emt_copy)
    assert f"I3 labels {key}" in str(caught.value)
    assert "I7 trajectories" in str(caught.value)
    assert_all_invariants(emt_copy, ["I2", "I6"])
