"""The Maker of convergence tests: wired over the Maker of labels, for any engine."""

import json

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.calculator import CalculationFailed
from ase.calculators.emt import EMT
from jobflow import Flow, JobStore, run_locally
from jobflow.managers.fireworks import flow_to_workflow
from maggma.stores import MemoryStore
from monty.json import MontyDecoder

from tm23flows.documents.convergence import Convergence
from tm23flows.documents.label import Label
from tm23flows.documents.recipe import Recipe
from tm23flows.engines.emt import EmtEngine
from tm23flows.errors import InputError, PhysicsError
from tm23flows.flows.convergence import KpointConvergenceMaker
from tm23flows.flows.label import LabelMaker

CUBE = np.eye(3) * 7.2
MESHES = ((1, 1, 1), (2, 2, 2), (3, 3, 3), (4, 4, 4))


def maker(**fields):
    given = {"label": LabelMaker(recipe=Recipe(engine="emt")), "meshes": MESHES}
    return KpointConvergenceMaker(**{**given, **fields})


@pytest.fixture
def frames(archive, make_frame):
    frames = [make_frame(seed=seed) for seed in range(4)]
    archive.put(*frames)
    return frames


@pytest.fixture
def metal(monkeypatch):
    """Energies and forces with errors that fall with the mesh, in meV; the mesh may also fail."""
    errors, failing = {1: 90, 2: 6, 3: 0.5, 4: 0}, set()

    class Metal(EMT):
        n = 1

        def calculate(self, *args, **kwargs):
            super().calculate(*args, **kwargs)
            if self.n in failing:
                raise CalculationFailed("no convergence")
            error = errors.get(self.n, 0.0) / 1000
            self.results["free_energy"] += error * len(self.atoms)
            self.results["energy"] += error * len(self.atoms)
            self.results["forces"] = self.results["forces"] + error

    def calculator(self, recipe):
        made = Metal()
        made.n = recipe.kmesh[0]
        return made

    monkeypatch.setattr(EmtEngine, "calculator", calculator)
    metal.errors, metal.failing = errors, failing
    return metal


def output_of(flow, run_flow):
    responses = run_flow(flow)
    return responses[flow.jobs[-1].uuid][1].output


def test_jobs_have_names_and_workers(jobs_of):
    jobs = jobs_of(maker().make(["id"] * 3, "Cu", CUBE))
    assert [job.name for job in jobs] == [
        "Cu k-mesh labels 1x1x1 0.2 eV 1/1",
        "Cu k-mesh labels 2x2x2 0.2 eV 1/1",
        "Cu k-mesh labels 3x3x3 0.2 eV 1/1",
        "Cu k-mesh labels 4x4x4 0.2 eV 1/1",
        "Cu k-mesh convergence",
    ]
    kinds = [job.config.manager_config["_category"] for job in jobs]
    assert kinds == ["label"] * 4 + ["analyse"]
    assert all(job.metadata["tm23"]["element"] == "Cu" for job in jobs)


def test_nothing_but_the_mesh_differs(jobs_of):
    recipe = Recipe(engine="gpaw", cutoff_eV=520, kmesh=(9, 9, 9), options={"nbands": "150%"})
    label = LabelMaker(recipe=recipe, sigma_variants_eV=(1.0, 2.0), batch_size=7)
    test = KpointConvergenceMaker(label=label, spacings_per_A=(0.5, 0.3, 0.25))
    *labels, _ = jobs_of(test.make(["id"] * 3, "Cu", CUBE))
    recipes = [Recipe(**one) for job in labels for one in job.function_args[1]]
    assert [one.kmesh for one in recipes] == [(2, 2, 2), (3, 3, 3), (4, 4, 4)]
    assert [one.kmesh_offset[0] for one in recipes] == [0.25, 0, 0.125]
    update = {"kmesh": (9, 9, 9), "kmesh_offset": (0.0, 0.0, 0.0)}
    assert {one.model_copy(update=update).id for one in recipes} == {recipe.id}
    assert label.recipe.kmesh == (9, 9, 9)


def test_meshes_come_from_the_ladder_or_as_given():
    ladder = KpointConvergenceMaker(spacings_per_A=(0.5, 0.3))
    assert [str(one) for one in ladder.candidates(CUBE)] == ["shifted 2x2x2", "3x3x3"]
    given = KpointConvergenceMaker(meshes=((4, 4, 4), (2, 2, 1)), grid="gamma")
    assert [str(one) for one in given.candidates(CUBE)] == ["2x2x1", "4x4x4"]


def test_the_verdict_waits_for_all_meshes_and_survives_a_failed_one():
    workflow = flow_to_workflow(maker().make(["id"] * 3, "Cu", CUBE))
    verdict = next(one for one in workflow.fws if one.name == "Cu k-mesh convergence")
    parents = [parent for parent, children in workflow.links.items() if verdict.fw_id in children]
    assert len(parents) == 4
    assert verdict.spec["_allow_fizzled_parents"]


def test_it_survives_its_document(jobs_of):
    one = maker(spacings_per_A=(0.4, 0.2), grid="gamma", accept_densest=True, n_frames=2)
    back = json.loads(one.to_json(), cls=MontyDecoder)
    both = [jobs_of(each.make(["id"] * 3, "Cu", CUBE)) for each in (one, back)]
    assert isinstance(back, KpointConvergenceMaker)
    for left, right in zip(*both, strict=True):
        assert left.name == right.name
    for left, right in zip(*(jobs[:-1] for jobs in both), strict=True):
        assert left.function_args == right.function_args


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"n_frames": 0}, "at least one frame"),
        ({"meshes": ((3, 3, 3),)}, "compares k-meshes"),
        ({"meshes": (), "spacings_per_A": (0.2, -1.0)}, "positive"),
        ({"energy_limit_eV_per_atom": 0}, "positive"),
        ({"grid": "M"}, "type of grid"),
    ],
    ids=str,
)
def test_senseless_tests_are_refused_when_they_are_wired(fields, why):
    with pytest.raises(InputError, match=why):
        maker(**fields).make(["id"] * 3, "Cu", CUBE)


def test_a_test_runs_and_its_output_sets_the_mesh_of_labels(archive, frames, metal, run_flow):
    ids = [frame.id for frame in frames]
    test = maker(n_frames=2).make(ids, "Cu", CUBE)
    label = LabelMaker(recipe=Recipe(engine="emt", kmesh=(8, 8, 8)))
    labels = label.make(ids, 4, "Cu", "cold", mesh=test.output)
    responses = run_flow(Flow([test, labels]))
    verdict = responses[test.jobs[-1].uuid][1].output
    assert (verdict["kmesh"], verdict["converged"]) == ([3, 3, 3], True)
    stored = archive.get(Convergence, verdict["convergence_id"])
    assert [row.force_eV_per_A for row in stored.rows] == pytest.approx([0.09, 0.006, 0.0005, 0])
    assert stored.frame_ids == tuple(ids[2:])
    done = responses[labels.jobs[0].uuid][1].output
    # Two of the four labels are those of the test.
    assert (done["accepted"], done["existing"]) == (2, 2)
    used = archive.get(Label, archive.database["labels"].find_one({"frame_id": ids[0]})["_id"])
    assert used.recipe.kmesh == (3, 3, 3)


def test_a_failing_coarse_mesh_does_not_stop_the_test(archive, frames, metal, run_flow):
    metal.failing.add(1)
    flow = maker(n_frames=2).make([frame.id for frame in frames], "Cu", CUBE)
    responses = run_locally(flow, store=JobStore(MemoryStore()), log=False)
    assert responses[flow.jobs[-1].uuid][1].output["kmesh"] == [3, 3, 3]
    assert archive.database["convergences"].find_one()["rows"][0]["recipe_id"] is None


def test_what_is_not_converged_labels_nothing(archive, frames, metal, run_flow):
    metal.errors[3] = 7
    ids = [frame.id for frame in frames]
    test = maker(n_frames=2).make(ids, "Cu", CUBE)
    labels = LabelMaker(recipe=Recipe(engine="emt")).make(ids, 4, "Cu", "cold", mesh=test.output)
    responses = run_locally(Flow([test, labels]), store=JobStore(MemoryStore()), log=False)
    assert labels.jobs[0].uuid not in responses
    assert archive.database["labels"].count_documents({}) == 2 * 4
    with pytest.raises(PhysicsError, match="not converged"):
        run_flow(maker(n_frames=2).make(ids, "Cu", CUBE))
    accepted = output_of(maker(n_frames=2, accept_densest=True).make(ids, "Cu", CUBE), run_flow)
    assert (accepted["kmesh"], accepted["converged"]) == ([4, 4, 4], False)
    # Another mesh may be named, and the densest is still what it is compared with.
    coarse = output_of(maker(n_frames=2, fallback=(2, 2, 2)).make(ids, "Cu", CUBE), run_flow)
    assert (coarse["kmesh"], coarse["converged"]) == ([2, 2, 2], False)
    assert coarse["densest"]["kmesh"] == [4, 4, 4]
    stored = archive.get(Convergence, coarse["convergence_id"])
    assert "2x2x2 is used all the same" in stored.reason
    # A denser mesh settles it, and only its labels are new.
    denser = maker(n_frames=2, meshes=(*MESHES, (5, 5, 5)))
    assert output_of(denser.make(ids, "Cu", CUBE), run_flow)["kmesh"] == [4, 4, 4]
    assert archive.database["labels"].count_documents({}) == 2 * 5


def test_single_references_of_several_runs_can_be_given(archive, frames, metal, run_flow):
    from jobflow import job

    @job
    def run(ids):
        return {"frame_ids": ids}

    runs = [run([one.id for one in frames[:2]]), run([one.id for one in frames[2:]])]
    last = [one.output["frame_ids"][-1] for one in runs]
    test = maker(n_frames=2).make(last, "Cu", CUBE)
    verdict = run_flow(Flow([*runs, test]))[test.jobs[-1].uuid][1].output
    stored = archive.get(Convergence, verdict["convergence_id"])
    assert stored.frame_ids == (frames[1].id, frames[3].id)


def test_without_electrons_the_coarsest_mesh_is_enough(frames, run_flow):
    ids = [frame.id for frame in frames]
    assert output_of(maker().make(ids, "Cu", CUBE), run_flow)["kmesh"] == [1, 1, 1]


@pytest.mark.gpaw
@pytest.mark.slow
def test_the_mesh_of_a_real_metal(archive, make_frame, run_flow):
    pytest.importorskip("gpaw")
    atoms = bulk("Cu", "fcc", a=3.61) * (2, 1, 1)
    atoms.positions[1] += [0.12, -0.05, 0.08]
    frame = make_frame(cell=atoms.cell.array, positions=atoms.positions)
    archive.put(frame)
    recipe = Recipe(
        engine="gpaw",
        cutoff_eV=300,
        options={"convergence": {"energy": 1e-5, "density": 1e-4}},
    )
    test = KpointConvergenceMaker(
        label=LabelMaker(recipe=recipe),
        n_frames=1,
        meshes=((1, 2, 2), (2, 3, 3), (3, 5, 5), (4, 7, 7)),
        energy_limit_eV_per_atom=0.1,
        force_limit_eV_per_A=0.1,
    )
    verdict = output_of(test.make([frame.id], "Cu", frame.cell), run_flow)
    stored = archive.get(Convergence, verdict["convergence_id"])
    labels = {one.recipe.kmesh: one for one in archive.labels(frame=frame.id)}
    dense = labels[4, 7, 7]
    for row in stored.rows:
        one = labels[row.kmesh]
        energy = abs(one.energies.free - dense.energies.free) / 2
        assert row.energy_eV_per_atom == pytest.approx(energy, abs=1e-12)
        assert row.force_eV_per_A == np.abs(one.forces - dense.forces).max()
        assert row.cpu_s > 0
    errors = [row.energy_eV_per_atom for row in stored.rows]
    assert errors == sorted(errors, reverse=True)
    assert errors[1] > 0.1 > errors[2]
    assert (verdict["kmesh"], verdict["converged"]) == ([3, 5, 5], True)
