"""The numbers of a workflow are those of its Fireworks."""

import bson
import pytest
from fireworks import Workflow
from jobflow import Flow
from jobflow.managers.fireworks import flow_to_workflow

from tm23flows.flows.label import LabelMaker
from tm23flows.flows.scales import make_tm23
from tm23flows.flows.tm23 import ExtraLabels
from tm23flows.ops.cost.plan import plan_of
from tm23flows.science.sampling import steps_needed


def workflow_of(maker, element="Cu"):
    return flow_to_workflow(maker.make(element), store=None)


def test_the_demonstration():
    maker = make_tm23("Cu", "demo", "emt")
    plan = plan_of(workflow_of(maker))
    sampling = maker.trajectory.sampling
    per_temperature = steps_needed(sampling.discard, sampling.stride, sampling.count)
    assert plan.aimd_steps == 3 * per_temperature
    assert plan.frames == 3 * sampling.count
    assert plan.labels == 3 * (sampling.count + sum(one.count for one in maker.extra_labels))


@pytest.mark.parametrize("engine", ["gpaw", "emt", "vasp"])
def test_the_paper(engine):
    maker = make_tm23("Os", "paper", engine)
    workflow = workflow_of(maker, "Os")
    plan = plan_of(workflow)
    assert plan.aimd_steps == 33_000
    assert plan.frames == 3000
    meshes = maker.convergence.candidates(maker.structure.supercell_vectors("Os"))
    assert plan.labels == 3000 + 3 * len(meshes)
    assert plan.fireworks == len(workflow.fws) == sum(plan.categories.values())
    assert plan.largest_document_bytes == max(
        len(bson.encode(one.to_db_dict())) for one in workflow.fws
    )
    assert plan.largest_document_bytes < 1_000_000
    assert plan.largest_document in {one.name for one in workflow.fws}


def test_a_label_under_each_smearing_width_counts():
    maker = make_tm23("Cu", "demo", "emt")
    before = plan_of(workflow_of(maker))
    wide = LabelMaker(recipe=maker.label.recipe, sigma_variants_eV=(1.0, 2.0))
    maker.extra_labels = (*maker.extra_labels, ExtraLabels(wide, count=2))
    after = plan_of(workflow_of(maker))
    assert after.labels - before.labels == 3 * 3 * 2
    assert after.fireworks - before.fireworks == 3
    assert after.categories["label"] - before.categories["label"] == 3


def test_several_metals_add_up_and_a_file_says_the_same(tmp_path):
    flows = [make_tm23(one, "demo", "emt").make(one) for one in ("Cu", "Ti")]
    single = [plan_of(flow_to_workflow(flow, store=None)) for flow in flows]
    workflow = flow_to_workflow(Flow(flows), store=None)
    both = plan_of(workflow)
    for name in ("fireworks", "aimd_steps", "frames", "labels"):
        assert getattr(both, name) == sum(getattr(one, name) for one in single)
    workflow.to_file(str(tmp_path / "wf.yaml"))
    assert plan_of(Workflow.from_file(str(tmp_path / "wf.yaml"))).as_dict() == both.as_dict()
