"""The job of the phonon study: models that fail, and what is refused."""

from contextlib import nullcontext

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.calculator import Calculator, all_changes
from ase.calculators.emt import EMT

from tm23flows.documents.recipe import Recipe
from tm23flows.documents.structure import Crystal
from tm23flows.documents.study import Study
from tm23flows.errors import MissingDependencyError, PhysicsError, TrainingError
from tm23flows.jobs.benchmark import store_calculator
from tm23flows.jobs.displaced_cells import displace_crystal
from tm23flows.jobs.label import label_frames
from tm23flows.jobs.studies import phonons as job_module
from tm23flows.jobs.studies.phonons import make_phonon_study
from tm23flows.science.elasticity import standard_crystal
from tm23flows.science.phonons import displaced_supercells

SETTINGS = {
    "displacement_A": 0.01,
    "q_spacing_per_A": 0.6,
    "path_step_per_A": 0.4,
    "force_limit_eV_per_A": 1e-4,
    "imaginary_THz": 0.05,
}
LENNARD_JONES = {
    "calculator": "ase.calculators.lj:LennardJones",
    "kwargs": {"sigma": 1.6, "epsilon": 0.2, "rc": 5.0},
    "name": "too small",
}
"""Its crystal of copper has a seventh of the volume."""


@pytest.fixture
def wired(archive):
    """A function that stores hexagonal EMT copper and wires it with these models."""

    def make(*models, a_A=2.54, shift_A=0.0):
        atoms = standard_crystal(bulk("Cu", "hcp", a=a_A, c=4.145))
        atoms.positions[1, 2] += shift_A
        crystal = Crystal.from_atoms(atoms, "hcp", "a test").model_dump(mode="json")
        count = len(displaced_supercells(atoms, (2, 2, 2)))
        frames = displace_crystal.original(crystal, [2, 2, 2], 0.01, count)["frame_ids"]
        recipe = Recipe(engine="emt").model_dump(mode="json")
        recipe_id = label_frames(frames, [recipe], 0, 0)["recipe_id"]
        return {
            "Cu": {
                "dataset_id": "d" * 64,
                "model_ids": list(models),
                "crystal": crystal,
                "supercell": [2, 2, 2],
                "reference": {
                    "crystal": crystal,
                    "lattice_label_ids": [],
                    "frame_ids": frames,
                    "recipe_ids": [recipe_id],
                },
            }
        }

    return make


def test_a_model_without_a_crystal_says_so_and_the_others_go_on(archive, wired):
    bad = store_calculator(archive, LENNARD_JONES).id
    good = store_calculator(archive, {"calculator": "ase.calculators.emt:EMT"}).id
    out = make_phonon_study.original(wired(bad, good), SETTINGS)
    study = archive.get(Study, out["study_id"])
    (metal,) = study.results.metals
    lost, there = metal.models
    assert lost.curves is None
    assert lost.errors is None
    assert "crystal of Cu" in lost.reason
    assert lost.errors_same_lattice.all.mae_THz > 1
    assert any(bad[:12] in one and lost.reason in one for one in study.warnings)
    assert out["mae_THz"]["Cu"][bad] is None
    assert there.reason is None
    assert there.errors_same_lattice.optical.largest_THz < 1e-6
    assert there.errors.optical.n_modes == there.errors.acoustic.n_modes + 3
    assert there.curves.c_A == pytest.approx(4.143, abs=0.01)
    assert there.curves.imaginary_share == 0
    assert np.array(there.curves.path_THz).shape == (len(metal.path_q), 6)


class NoForces(Calculator):
    implemented_properties = ("energy", "free_energy", "forces", "stress")

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        self.results = {"energy": 0.0, "free_energy": 0.0, "stress": np.zeros(6)}
        self.results["forces"] = np.zeros((len(self.atoms), 3))


class BrokenForces(NoForces):
    def calculate(self, *args, **kwargs):
        super().calculate(*args, **kwargs)
        self.results["forces"] += np.nan


@pytest.mark.parametrize(
    ("calculator", "why"),
    [(NoForces(), "no forces"), (BrokenForces(), "no finite numbers")],
    ids=["nothing", "nan"],
)
def test_forces_that_make_no_phonons_are_a_reason(archive, wired, monkeypatch, calculator, why):
    monkeypatch.setattr(job_module, "stored_model", lambda *_: nullcontext(calculator))
    out = make_phonon_study.original(wired("m" * 64), SETTINGS)
    (model,) = archive.get(Study, out["study_id"]).results.metals[0].models
    assert model.curves is None
    assert model.errors is None
    assert why in model.reason


def test_a_library_that_is_missing_is_no_result(archive, wired, monkeypatch):
    def missing(_archive, _model):
        raise MissingDependencyError("it is not installed")

    monkeypatch.setattr(job_module, "stored_model", missing)
    with pytest.raises(MissingDependencyError):
        make_phonon_study.original(wired("m" * 64), SETTINGS)
    assert archive.database["studies"].count_documents({}) == 0


def test_a_displaced_cell_without_a_label_is_said(archive, wired):
    given = wired("m" * 64)
    archive.database["labels"].delete_many({})
    with pytest.raises(PhysicsError, match="no label"):
        make_phonon_study.original(given, SETTINGS)


def test_imaginary_modes_of_the_labels_are_said(archive, wired):
    given = wired(a_A=2.95)  # pulled apart until it is not stable
    out = make_phonon_study.original(given, SETTINGS)
    study = archive.get(Study, out["study_id"])
    labels = study.results.metals[0].labels.curves
    assert labels.imaginary_share > 0
    assert labels.lowest_THz < -0.05
    assert any("imaginary" in one for one in study.warnings)


def test_labels_that_are_not_at_rest_are_said(archive, wired):
    held = make_phonon_study.original(wired(), SETTINGS)
    study = archive.get(Study, held["study_id"])
    assert study.results.metals[0].labels.largest_force_eV_per_A is None
    assert not study.warnings

    given = wired(shift_A=0.1)
    study = archive.get(Study, make_phonon_study.original(given, SETTINGS)["study_id"])
    atoms = Crystal.model_validate(given["Cu"]["crystal"]).atoms
    atoms.calc = EMT()
    largest = np.abs(atoms.get_forces()).max()
    found = study.results.metals[0].labels.largest_force_eV_per_A
    assert found == pytest.approx(largest, abs=1e-3)
    assert any("left in their places" in one for one in study.warnings)


class DiesLate(EMT):
    """It ends after the relaxation, the displaced cells of its own crystal and one more."""

    wide = 0

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        if len(atoms) > 2:
            self.wide += 1
            if self.wide > self.last:
                raise TrainingError("the worker ended")
        super().calculate(atoms, properties, system_changes)


def test_a_model_that_ends_before_the_lattice_of_the_labels_says_so(archive, wired, monkeypatch):
    given = wired("m" * 64)
    dies = DiesLate()
    dies.last = len(given["Cu"]["reference"]["frame_ids"])
    monkeypatch.setattr(job_module, "stored_model", lambda *_: nullcontext(dies))
    out = make_phonon_study.original(given, SETTINGS)
    study = archive.get(Study, out["study_id"])
    (model,) = study.results.metals[0].models
    assert model.curves is not None
    assert model.errors_same_lattice is None
    assert "the worker ended" in model.reason_same_lattice
    assert any("lattice of the labels: the worker ended" in one for one in study.warnings)
