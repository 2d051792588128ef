"""Only what does not change between two looks is abandoned."""

import pytest
from failing_jobs import job
from fireworks import Workflow
from fireworks.core.launchpad import WFLock

from tm23flows.ops.recovery.suspects import find_suspects, unchanged


@pytest.fixture
def suspect(launchpad):
    """One of each kind; returns the looks as lists of names."""
    for name in ("locked", "unlaunched", "unapplied", "orphan"):
        launchpad.add_wf(Workflow([job(name)], name=name))
    numbers = {one["name"]: one["fw_id"] for one in launchpad.fireworks.find()}
    WFLock(launchpad, numbers["locked"]).__enter__()
    for name, state in (("unlaunched", "RESERVED"), ("unapplied", "COMPLETED")):
        launchpad.fireworks.update_one({"name": name}, {"$set": {"state": state}})
    launchpad.workflows.delete_one({"nodes": numbers["orphan"]})
    return launchpad


def names(found):
    some = (found.locks, found.unlaunched, found.unapplied, found.orphans)
    return [[one.name.partition(" ")[0] for one in each] for each in some]


def test_each_kind_is_found(suspect):
    first = find_suspects(suspect.db)
    kinds = [["locked"], ["unlaunched"], ["unapplied"], ["orphan"]]
    assert names(first) == kinds
    assert names(unchanged(first, find_suspects(suspect.db))) == kinds
    assert first


@pytest.mark.parametrize(
    ("collection", "name", "kind"),
    [("workflows", "locked", 0), ("fireworks", "locked", 0), ("fireworks", "unlaunched", 1),
     ("fireworks", "unapplied", 2), ("fireworks", "orphan", 3)],
)  # fmt: skip
def test_what_changes_is_not_abandoned(suspect, collection, name, kind):
    first = find_suspects(suspect.db)
    suspect.db[collection].update_one({"name": name}, {"$set": {"updated_on": "2040-01-01"}})
    left = names(unchanged(first, find_suspects(suspect.db)))
    assert [number for number, one in enumerate(left) if not one] == [kind]


def test_a_launchpad_without_holes_has_no_suspects(launchpad):
    launchpad.add_wf(Workflow([job("fine")]))
    assert not find_suspects(launchpad.db)
