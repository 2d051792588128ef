"""The Maker of the crystal at rest: its wiring, and whole runs with EMT."""

import json

import numpy as np
import pytest
from ase.calculators.emt import EMT
from monty.json import MontyDecoder

from tm23flows.documents.label import Label
from tm23flows.documents.recipe import Recipe
from tm23flows.documents.structure import Crystal
from tm23flows.errors import InputError
from tm23flows.flows.equilibrium import EquilibriumMaker
from tm23flows.flows.label import LabelMaker
from tm23flows.flows.scales import make_tm23
from tm23flows.flows.structure import StructureMaker
from tm23flows.ops.audit.invariants import audit

AT_REST_A = 3.589825
"""Lattice constant at which EMT's fcc copper has no stress."""


@pytest.fixture
def label():
    recipe = Recipe(engine="emt", kmesh=(2, 2, 2), kmesh_offset=(0.25, 0.25, 0.25), sigma_eV=0.3)
    return LabelMaker(recipe=recipe, sigma_variants_eV=(1.0,), batch_size=4, spectra=True)


def run(flow, run_flow):
    return run_flow(flow)[flow.output["crystal"].uuid][1].output


def test_cells_labels_and_search_are_wired(label, jobs_of):
    maker = EquilibriumMaker(spacing_per_A=0.5, options={"symmetry": {}}, batch_size=20)
    flow = maker.make("Ti", StructureMaker(), label)
    cells, *labels, found = jobs_of(flow)
    assert [cells.name, found.name] == ["Ti lattice cells", "Ti crystal at rest"]
    assert len(labels) == 2
    (recipe,) = labels[0].function_args[1]
    assert recipe["kmesh"] == [5, 5, 3]
    assert recipe["kmesh_offset"] == [0, 0, 0]
    assert recipe["options"] == {"symmetry": {}}
    assert recipe["sigma_eV"] == 0.3
    assert [one.uuid for one in found.function_args[1]] == [one.uuid for one in labels]
    assert flow.output.uuid == found.uuid


def test_statics_alone_find_the_lattice_and_nothing_is_done_twice(archive, label, run_flow):
    maker = EquilibriumMaker(spacing_per_A=1.0)
    first, second = (run(maker.make("Cu", StructureMaker(), label), run_flow) for _ in range(2))
    assert first == second
    atoms = Crystal.model_validate(first["crystal"]).atoms
    assert (4 * atoms.get_volume()) ** (1 / 3) == pytest.approx(AT_REST_A, rel=1e-4)
    assert [archive.database[one].count_documents({}) for one in ("frames", "labels")] == [7, 7]
    assert audit(archive).ok


def test_a_start_that_is_far_away_needs_a_second_round(archive, label, run_flow):
    far = StructureMaker(phase="hcp", a_A=2.70)
    maker = EquilibriumMaker(spacing_per_A=1.0, rounds=3)
    found = run(maker.make("Cu", far, label), run_flow)
    atoms = Crystal.model_validate(found["crystal"]).atoms
    atoms.calc = EMT()
    assert abs(atoms.get_stress()).max() < 5e-4


@pytest.mark.slow
def test_vasp_finds_its_lattice_by_statics_and_without_moving_atoms(archive, vasp, run_flow):
    """The volume of lowest energy is where the stress of the labels, not used, is zero."""
    from atomate2.vasp.powerups import update_vasp_input_generators

    maker = EquilibriumMaker(volumes=(0.92, 0.96, 1.0, 1.04, 1.08), spacing_per_A=1.0)
    flow = maker.make("Cu", StructureMaker(), make_tm23("Cu", "paper", "vasp").label)
    often = {"run_vasp_kwargs->custodian_kwargs": {"polling_time_step": 0.1, "monitor_freq": 5}}
    found = run(update_vasp_input_generators(flow, often), run_flow)
    labels = archive.get_many(Label, found["label_ids"])
    assert {one.recipe.engine for one in labels} == {"vasp"}
    pressure = [-np.mean(one.stress[:3]) for one in labels]
    cubic = np.polynomial.Polynomial.fit(found["volumes_A3_per_atom"], pressure, 3)
    zero = min(cubic.roots().real, key=lambda one: abs(one - found["volume_A3_per_atom"]))
    assert found["volume_A3_per_atom"] == pytest.approx(zero, rel=2e-3)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"rounds": 0}, "at least once"),
        ({"spacing_per_A": 0.0}, "spacing must be positive"),
        ({"volumes": (0.9, 1.1)}, "volumes of a lattice"),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused_before_anything_runs(fields, why, label):
    with pytest.raises(InputError, match=why):
        EquilibriumMaker(**fields).make("Cu", StructureMaker(), label)


def test_it_survives_its_document(label, jobs_of):
    maker = EquilibriumMaker(rounds=2, options={"symmetry": {}})
    back = json.loads(maker.to_json(), cls=MontyDecoder)
    # JSON has no tuples.
    names = [
        [one.name for one in jobs_of(m.make("Cu", StructureMaker(), label))] for m in (maker, back)
    ]
    assert names[0] == names[1]
    assert len(set(names[0])) == len(names[0]) == 6
