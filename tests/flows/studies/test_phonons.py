"""The phonon study: its wiring, and whole runs with EMT as the labels and calculators as models."""

import json
from dataclasses import replace

import numpy as np
import pytest
from ase.calculators.emt import EMT
from monty.json import MontyDecoder

from tm23flows.documents.recipe import Recipe
from tm23flows.errors import InputError
from tm23flows.flows.equilibrium import EquilibriumMaker
from tm23flows.flows.label import LabelMaker
from tm23flows.flows.scales import make_tm23
from tm23flows.flows.structure import StructureMaker
from tm23flows.flows.studies.phonons import PhononStudyMaker
from tm23flows.flows.studies.settings import read_settings
from tm23flows.flows.studies.subjects import Subject, stored_subject
from tm23flows.jobs.benchmark import store_calculator
from tm23flows.ops.audit.invariants import audit
from tm23flows.science.phonons import phonons_of_calculator
from tm23flows.science.relaxation import relax_crystal

EQUILIBRIUM = EquilibriumMaker(volumes=(0.94, 0.97, 1.0, 1.03, 1.06), spacing_per_A=1.0)
SMALL = {
    "supercell": (2, 2, 2),
    "spacing_per_A": 1.0,
    "q_spacing_per_A": 0.5,
    "path_step_per_A": 0.3,
    "equilibrium": EQUILIBRIUM,
}


def subject(**fields):
    given = {
        "element": "Cu",
        "structure": StructureMaker(),
        "label": LabelMaker(recipe=Recipe(engine="emt", options={"a": 1})),
        "regimes": ("cold",),
        "dataset_id": "a" * 64,
        "model_ids": ("b" * 64,),
    }
    return Subject(**{**given, **fields})


def test_labels_of_the_crystal_at_rest_are_wired_into_displaced_cells(jobs_of):
    maker = PhononStudyMaker(**{**SMALL, "supercell": None, "options": {"symmetry": {}}})
    *lattice, cells, labels, study = jobs_of(maker.measure([subject()]))
    assert cells.name == "Cu displaced cells"
    assert cells.function_args[0].uuid == lattice[-1].uuid
    assert cells.function_args[1:] == ([4, 4, 4], 0.01, 1)
    assert labels.function_args[0].uuid == cells.uuid
    (recipe,) = labels.function_args[1]
    assert recipe["kmesh"] == [1, 1, 1]
    assert recipe["options"] == {"a": 1, "symmetry": {}}
    assert lattice[1].function_args[1][0]["options"] == recipe["options"]
    wired, settings = study.function_args
    assert wired["Cu"]["model_ids"] == ["b" * 64]
    assert wired["Cu"]["supercell"] == [4, 4, 4]
    assert wired["Cu"]["reference"]["recipe_ids"][0].uuid == labels.uuid
    assert settings["displacement_A"] == 0.01
    assert [one.config.manager_config["_category"] for one in (cells, labels, study)] == [
        "analyse", "label", "train-gpu",
    ]  # fmt: skip


def test_a_whole_road_is_wired_and_survives_its_document(jobs_of):
    maker = PhononStudyMaker(options={"symmetry": {}})
    back = json.loads(maker.to_json(), cls=MontyDecoder)
    assert back.settings() == maker.settings()
    jobs = jobs_of(back.make({"Cu": make_tm23("Cu", "demo", "emt")}))
    assert jobs[0].name == "Cu structure"
    assert [one.uuid for one in jobs[-1].function_args[0]["Cu"]["model_ids"]] == [
        one.uuid for one in jobs if one.name.endswith(" model")
    ]


def test_hexagonal_and_free_atoms_have_as_many_cells_as_the_job_will_make(jobs_of):
    maker = PhononStudyMaker(image_distance_A=5.0, equilibrium=EQUILIBRIUM)
    jobs = jobs_of(maker.measure([subject(element="Ti")]))
    assert [one.function_args[1:] for one in jobs if "displaced cells" in one.name] == [
        ([2, 2, 2], 0.01, 1)
    ]


@pytest.mark.parametrize(
    ("fields", "given", "why"),
    [
        ({}, [], "needs a metal"),
        ({}, [{}, {}], "only once"),
        ({}, [{"model_ids": ()}], "no model of Cu"),
        ({"displacement_A": 0.0}, [{}], "not a small length"),
        ({"image_distance_A": -1.0}, [{}], "apart"),
        ({"q_spacing_per_A": 0.0}, [{}], "spacing must be positive"),
        ({"path_step_per_A": 0.0}, [{}], "steps"),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused_before_anything_runs(fields, given, why):
    with pytest.raises(InputError, match=why):
        PhononStudyMaker(**fields).measure([subject(**one) for one in given])


def test_settings_are_read_from_words(jobs_of):
    words = {
        "supercell": "2,2,2",
        "displacement_A": "0.03",
        "equilibrium": '{"spacing_per_A": 0.5, "volumes": [0.94, 0.97, 1.0, 1.03, 1.06]}',
    }
    maker = PhononStudyMaker(**read_settings(PhononStudyMaker, words))
    assert maker.supercell == (2, 2, 2)
    lattice, *_, cells, _, study = jobs_of(maker.measure([subject()]))
    assert cells.function_args[1:] == ([2, 2, 2], 0.03, 1)
    assert lattice.function_args[1] == [0.94, 0.97, 1.0, 1.03, 1.06]
    assert study.function_args[1]["displacement_A"] == 0.03


EMT_MODEL = {"calculator": "ase.calculators.emt:EMT", "name": "EMT"}
MORSE_MODEL = {
    "calculator": "ase.calculators.morse:MorsePotential",
    "kwargs": {"epsilon": 0.34, "r0": 2.87, "rho0": 3.9, "rcut1": 2.0, "rcut2": 2.5},
    "name": "Morse",
}
"""A crystal of about the size of copper."""


@pytest.fixture
def measured(emt_copy):
    """A function that makes a subject of the demonstration with these calculators as models."""

    def make(*calculators):
        models = [store_calculator(emt_copy, one).id for one in calculators]
        return stored_subject(emt_copy, emt_copy.dataset("Cu-demo"), models)

    return make


def test_a_stored_dataset_is_measured(measured, study_of):
    made = measured(EMT_MODEL, MORSE_MODEL)
    flow = PhononStudyMaker(**SMALL).measure([made])
    output, study = study_of(flow)
    (metal,) = study.results.metals
    emt, morse = metal.models
    assert (metal.phase, metal.n_atoms, metal.supercell) == ("fcc", 8, (2, 2, 2))

    # EMT as a model of EMT: only the way to the crystal at rest differs.
    assert emt.errors_same_lattice.all.largest_THz < 1e-6
    assert emt.errors.all.largest_THz < 0.01
    assert emt.errors.optical is None
    assert emt.curves.a_A == pytest.approx(metal.labels.curves.a_A, abs=2e-3)
    assert output["mae_THz"]["Cu"][made.model_ids[0]] == emt.errors.all.mae_THz

    # The curves are those of the plain function, without an archive.
    crystal = relax_crystal(made.structure.unit_cell("Cu"), EMT())
    primitive = emt.curves.crystal.atoms
    assert crystal.get_volume() / len(crystal) == pytest.approx(primitive.get_volume(), rel=1e-4)
    plain = phonons_of_calculator(primitive, EMT(), (2, 2, 2))
    assert plain.frequencies(metal.path_q) == pytest.approx(np.array(emt.curves.path_THz), abs=1e-4)

    # Another crystal has other frequencies, and they are not better at the lattice of the labels
    # only because they are the model's own.
    assert morse.reason is None
    assert morse.errors.all.mae_THz > 0.1
    assert morse.errors.all != morse.errors_same_lattice.all
    assert abs(morse.errors.all.mean_THz) <= morse.errors.all.mae_THz <= morse.errors.all.rmse_THz


def test_it_is_on_record_and_nothing_is_done_twice(emt_copy, measured, study_of):
    made = measured(EMT_MODEL)
    before = set(emt_copy.database["labels"].distinct("_id"))
    first, study = study_of(PhononStudyMaker(**SMALL).measure([made]))
    new = set(emt_copy.database["labels"].distinct("_id")) - before
    assert set(study.parents["labels"]) == new
    assert study.parents["models"] == made.model_ids
    (frame,) = emt_copy.frames(tag="group=phonons")
    assert (frame.tags["cell"], len(frame.numbers)) == ("1/1", 8)
    again, _ = study_of(PhononStudyMaker(**SMALL).measure([made]))
    assert again == first
    assert emt_copy.database["studies"].count_documents({}) == 1
    assert set(emt_copy.database["labels"].distinct("_id")) == before | new
    past = emt_copy.trace(study.id)
    assert past.complete
    assert audit(emt_copy).ok


def test_imported_labels_leave_the_models_alone(measured, study_of):
    made = measured(EMT_MODEL)
    flow = PhononStudyMaker(**SMALL).measure([replace(made, label=None)])
    assert len(flow.jobs) == 1
    output, study = study_of(flow)
    (metal,) = study.results.metals
    assert metal.labels is None
    assert metal.models[0].curves is not None
    assert metal.models[0].errors is None
    assert output["mae_THz"]["Cu"] == {made.model_ids[0]: None}
    assert any("models are shown alone" in one for one in study.warnings)
