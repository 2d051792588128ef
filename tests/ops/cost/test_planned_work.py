"""What Fireworks are going to do is read off their jobs, before any of them has run."""

import pytest
from cost_kit import MAKERS, tasks_of
from fireworks import Workflow
from jobflow import Flow
from jobflow.managers.fireworks import flow_to_workflow

from tm23flows.flows.label import LabelMaker
from tm23flows.flows.scales import make_tm23
from tm23flows.ops.cost.planned_work import planned_tasks, work_id
from tm23flows.ops.cost.work import LABEL, PREDICTION, STEP, Kind


def of_kind(tasks, kind):
    return [work for task in tasks for work in task.work if work.kind == kind]


@pytest.fixture(scope="module")
def paper():
    return tasks_of(make_tm23("Os", "paper", "vasp").make("Os"))


def test_steps_of_the_paper(paper):
    works = of_kind(paper, Kind("vasp", STEP))
    assert [work.units for work in works] == [11_000] * 3
    n_atoms = len(make_tm23("Os", "paper", "vasp").structure.unit_cell("Os"))
    (sizes,) = works[0].sizes
    assert sizes["atoms"] % n_atoms == n_atoms - 1  # one is missing
    assert sizes["electrons"] == 14 * sizes["atoms"]  # Os_pv
    assert sizes["k_points"] == 1


def test_labels_whose_mesh_is_chosen_on_the_way_have_several_sizes(paper):
    maker = make_tm23("Os", "paper", "vasp")
    meshes = maker.convergence.candidates(maker.structure.supercell_vectors("Os"))
    tests = [task for task in paper if " k-mesh labels " in task.name]
    points = [work.sizes[0]["k_points"] for task in tests for work in task.work]
    assert sorted(points) == sorted(mesh.n_independent for mesh in meshes)
    labels = [task for task in paper if "labels converged" in task.name]
    assert sum(work.units for task in labels for work in task.work) == 3000
    (work,) = labels[0].work
    assert [one["k_points"] for one in work.sizes] == sorted(points)


def test_models_of_the_paper_know_their_frames(paper):
    flare, nequip = [task for task in paper if task.function == "train_model"]
    assert flare.work[0].sizes[0]["frames"] == nequip.work[0].sizes[0]["frames"] == 2700
    assert nequip.work[0].units == 1_000_000  # of paper_network
    assert nequip.work[0].limit_s > 0
    assert flare.work[0].units == 1
    assert [work.units for work in of_kind(paper, Kind("flare", PREDICTION))] == [300]


def test_all_jobs_have_their_metal_stage_and_parents(paper):
    numbers = {task.number for task in paper}
    assert len(numbers) == len(paper)
    assert {task.stage for task in paper} == {"aimd", "label", "train-gpu", "analyse"}
    assert {task.metal for task in paper} == {"Os"}
    assert all(set(task.parents) <= numbers for task in paper)
    assert [task.function for task in paper if not task.parents] == ["build_structure"]
    assert {task.n_atoms for task in paper} == {35}


def test_every_smearing_width_is_a_label_of_its_own():
    maker = make_tm23("Cu", "demo", "emt")
    maker.models = ()
    maker.extra_labels = ()
    maker.label = LabelMaker(recipe=maker.label.recipe, sigma_variants_eV=(1.0,))
    works = of_kind(tasks_of(maker.make("Cu")), Kind("emt", LABEL))
    assert sum(work.units for work in works) == 2 * 3 * maker.trajectory.sampling.count


def test_a_file_says_the_same(tmp_path):
    flow = Flow([make_tm23(one, "demo", "emt").make(one) for one in ("Cu", "Au")])
    workflow = flow_to_workflow(flow, store=None)
    workflow.to_file(str(tmp_path / "wf.yaml"))
    back = planned_tasks(Workflow.from_file(str(tmp_path / "wf.yaml")), MAKERS)

    def facts(tasks):
        return sorted((one.name, one.metal, one.stage, one.work, one.frames) for one in tasks)

    assert facts(back) == facts(planned_tasks(workflow, MAKERS))
    assert {one.metal for one in back} == {"Cu", "Au"}


def test_the_same_work_has_the_same_id_whenever_it_is_wired(tmp_path):
    def wired(metal="Cu", engine="vasp", **fields):
        maker = make_tm23(metal, "demo", engine)
        for name, value in fields.items():
            setattr(maker, name, value)
        return flow_to_workflow(maker.make(metal), store=None)

    first = wired()
    first.to_file(str(tmp_path / "first.yaml"))
    assert work_id(first) == work_id(wired())
    assert work_id(first) == work_id(Workflow.from_file(str(tmp_path / "first.yaml")))
    others = (wired("Ag"), wired(engine="emt"), wired(models=()))
    assert len({work_id(one) for one in (first, *others)}) == 4


def test_a_job_of_another_kind_is_counted():
    maker = make_tm23("Cu", "demo", "emt")
    maker.models = ()
    (dataset,) = [task for task in tasks_of(maker.make("Cu")) if task.function == "make_dataset"]
    assert dataset.work == ()
    assert dataset.stage == "analyse"
