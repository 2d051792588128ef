"""The audit as a whole: a sound archive has no violation, and nothing is ever changed."""

import pytest

from tm23flows.errors import InputError
from tm23flows.ops.audit.invariants import audit
from tm23flows.ops.audit.ledger import INVARIANTS


def contents(archive):
    names = archive.database.list_collection_names()
    return {name: list(archive.database[name].find().sort("_id", 1)) for name in sorted(names)}


def test_the_whole_road_has_no_violation_and_everything_was_looked_at(road):
    archive, _ = road
    found = audit(archive)
    assert found.ok, found.violations
    checked = {name: finding.checked for name, finding in found.findings.items()}
    # Without jobs in a launchpad, and without rejections, there is nothing to look at.
    assert {name for name, number in checked.items() if not number} == {"I4", "I9"}
    assert checked["I5"] == 3
    assert checked["I6"] == archive.database["labels"].count_documents({})
    assert found.findings["I4"].notes


def test_an_empty_archive_has_no_violation(archive):
    assert audit(archive).ok


def test_nothing_is_changed(road):
    archive, _ = road
    archive.database["structures"].delete_many({})
    before = contents(archive)
    assert not audit(archive).ok
    assert contents(archive) == before


@pytest.mark.parametrize("only", INVARIANTS)
def test_only_what_was_asked_for_is_checked(emt_archive, only):
    found = audit(emt_archive, [only])
    assert list(found.findings) == [only]


def test_an_invariant_that_is_none(archive):
    with pytest.raises(InputError, match="no invariant 'I11'; there is I1, I2"):
        audit(archive, ["I2", "I11"])


def test_progress_is_told(emt_archive):
    told = []
    audit(emt_archive, ["I1", "I5"], tick=lambda what, number: told.append((what, number)))
    assert ("frames", 24) in told
    assert told.count(("trajectories", 1)) == 3


def test_i8_one_dataset_under_two_versions_of_a_name(emt_copy):
    names = emt_copy.database["dataset_names"]
    known = names.find_one()
    names.insert_one({"name": known["name"], "version": 9, "dataset_id": known["dataset_id"]})
    (one,) = audit(emt_copy, ["I8"]).violations
    assert one.invariant == "I8"
    assert known["name"] in one.what


def test_i8_one_dataset_under_two_names_is_allowed(emt_copy):
    names = emt_copy.database["dataset_names"]
    names.insert_one({"name": "y", "version": 1, "dataset_id": names.find_one()["dataset_id"]})
    assert audit(emt_copy, ["I8"]).ok


def test_i8_one_pack_on_record_twice(archive):
    record = {"path": "host:/pack", "folder": "host:", "sha256": "a" * 64, "members": []}
    archive.database["raw_outputs"].insert_many([{"_id": "1", **record}, {"_id": "2", **record}])
    (one,) = audit(archive, ["I8"]).violations
    assert one.where == "raw_outputs"
