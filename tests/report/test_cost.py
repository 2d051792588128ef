"""Cost: sums of what labels and models say of themselves."""

import pytest

from tm23flows.documents.label import Effort, Label
from tm23flows.report.cost import label_costs, section
from tm23flows.report.records import read_all


def test_the_hours_of_labels_are_summed_by_metal_and_recipe(world):
    costs = label_costs(world.archive)
    labels = read_all(world.archive, Label)
    assert sum(one.n_labels for one in costs.values()) == len(labels)
    spent = sum(one.effort.cpu_s for one in labels if one.effort.cpu_s is not None)
    assert sum(one.cpu_s for one in costs.values()) == pytest.approx(spent)
    # labels that do not say what they cost are counted and add nothing
    unknown = sum(one.effort.cpu_s is None for one in labels)
    assert sum(one.n_labels - one.n_known for one in costs.values()) == unknown > 0


def test_other_metals_are_left_out(world):
    assert label_costs(world.archive, {"Ti"}) == {}
    assert section(world.archive, {"Ti"}) is None


def test_trainings_stand_beside_the_published_ones(world):
    labels, trainings = section(world.archive).tables
    assert all(len(row) == len(labels.columns) for row in labels.rows)
    rows = {row[1].split()[0]: row for row in trainings.rows}
    assert set(rows) == {"flare", "nequip"}
    assert rows["flare"][-1] == "16.363 h in all"
    assert rows["nequip"][-1] == "7.271 h per epoch"
    assert set(trainings.documents) == {one.model_id for one in world.evaluations.values()}


def test_an_effort_of_nothing_is_not_an_unknown_one():
    assert Effort(cpu_s=0.0).cpu_s == 0.0
    assert Effort().cpu_s is None
