"""The Maker of the electron-count study: how many electrons a cell gets, and a whole run on EMT."""

from dataclasses import replace

import pytest

from tm23flows.documents.frame import Frame
from tm23flows.documents.structure import Structure
from tm23flows.errors import InputError
from tm23flows.flows.model import ModelMaker
from tm23flows.flows.structure import StructureMaker
from tm23flows.flows.studies.electrons import ElectronStudyMaker, atoms_in_cell
from tm23flows.ops.audit.invariants import audit
from tm23flows.science.protocol import NELECT_METALS

OFFSET = ModelMaker(trainer="offset")


def shifts(jobs):
    """The electrons per cell of the labels of each metal."""
    found = {}
    for job in jobs:
        if " labels " in job.name:
            element = job.name.split()[0]
            found.setdefault(element, set()).update(
                one["electron_shift"] for one in job.function_args[1]
            )
    return found


def test_the_article_s_pair_swaps_three_electrons_per_atom(label_set_road, jobs_of):
    recipe = label_set_road().label.recipe.model_copy(update={"engine": "gpaw"})
    roads = {}
    for element in NELECT_METALS:
        road = label_set_road("Cu")
        roads[element] = replace(road, label=replace(road.label, recipe=recipe))
    jobs = jobs_of(ElectronStudyMaker().make(roads))
    assert len({job.name for job in jobs}) == len(jobs)
    n_atoms = {one: atoms_in_cell(roads[one].structure, one) for one in roads}
    assert n_atoms["Au"] == 7
    assert shifts(jobs) == {"Au": {0, -3 * n_atoms["Au"]}, "Os": {0, 3 * n_atoms["Os"]}}
    names = [job.name for job in jobs]
    assert "Au small minus3e dataset" in names
    assert "Os flare model plus3e" in names
    assert "Au melt labels converged 0.2 eV -21 e with spectra 1/1" in names
    meshes = [job for job in jobs if "k-mesh labels" in job.name]
    assert all(one["electron_shift"] == 0 for job in meshes for one in job.function_args[1])


@pytest.mark.parametrize(
    ("element", "fields"),
    [
        ("Cu", {}),
        ("Cu", {"supercell": (2, 2, 2), "basis": "primitive"}),
        ("Ti", {"phase": "omega"}),
        ("Os", {"supercell": (2, 2, 1)}),
        ("Cu", {"supercell": (2, 2, 2), "vacancy_seed": None}),
    ],
    ids=str,
)
def test_the_atoms_of_a_cell_are_known_before_it_is_made(archive, run_flow, element, fields):
    maker = StructureMaker(**fields)
    job = maker.make(element)
    output = run_flow(job)[job.uuid][1].output
    made = archive.get(Structure, output["structure_id"])
    assert atoms_in_cell(maker, element) == len(made.numbers)


def test_two_metals_swap_and_no_others(label_set_road):
    road = label_set_road()
    for metals in (["Cu"], ["Cu", "Au", "Pt"], []):
        with pytest.raises(InputError, match="Two metals swap"):
            ElectronStudyMaker().make(dict.fromkeys(metals, road))
    with pytest.raises(InputError, match="would keep their electrons"):
        ElectronStudyMaker().make({"Cu": road, "Au": road})
    with pytest.raises(InputError, match="is of Au, Os, and the study of Cu and Pt"):
        ElectronStudyMaker(electrons_per_atom={"Au": 1, "Os": 1}).make({"Cu": road, "Pt": road})
    with pytest.raises(InputError, match="--allow-unconverged"):
        ElectronStudyMaker().make(dict.fromkeys(["Au", "Pt"], label_set_road(convergence=None)))
    charged = road.label.recipe.model_copy(update={"electron_shift": 1.0})
    with pytest.raises(InputError, match="not neutral"):
        ElectronStudyMaker().make(
            dict.fromkeys(["Au", "Pt"], replace(road, label=replace(road.label, recipe=charged)))
        )


def test_the_numbers_of_electrons_can_be_said(label_set_road, jobs_of):
    given = {"Cu": 0.5, "Au": -0.5}
    roads = {one: label_set_road(one) for one in given}
    jobs = jobs_of(ElectronStudyMaker(electrons_per_atom=given).make(roads))
    assert shifts(jobs) == {"Cu": {0, 3.5}, "Au": {0, -3.5}}


@pytest.mark.slow
def test_a_study_runs_and_a_second_time_changes_nothing(
    archive, electrons, offset_trainer, label_set_road, study_of
):
    roads = {one: label_set_road(one) for one in ("Au", "Pt")}
    study = ElectronStudyMaker(model=OFFSET)
    output, found = study_of(study.make(roads))
    gold, platinum = found.results.metals
    # Pt has one electron less: Au gets 7 fewer in its cell, Pt 7 more, and forces change by 7 %.
    assert [row.electron_shift for row in gold.rows] == [0, -7]
    assert [row.electron_shift for row in platinum.rows] == [0, 7]
    for metal, factor in ((gold, 0.93), (platinum, 1.07)):
        before, after = (row.force.percent.value for row in metal.rows)
        assert after == pytest.approx(before / factor, rel=0.01)
        assert (metal.kmesh, metal.converged) == ((2, 2, 2), True)
        assert [row.noise.kmesh for row in metal.rows] == [(3, 3, 3)] * 2
        assert archive.dataset(f"{metal.element}-small-neutral").id == metal.rows[0].dataset_id
    assert output["verdicts"] == {"Au": "rises", "Pt": "falls"}
    assert "background" in found.warnings[-1]
    counted = {
        name: archive.database[name].count_documents({})
        for name in ("labels", "datasets", "models", "studies")
    }
    again, same = study_of(study.make(roads))
    assert (again, same) == (output, found)
    for name, number in counted.items():
        assert archive.database[name].count_documents({}) == number
    assert offset_trainer.trainings == 4
    assert audit(archive).ok
    frame = archive.get(Frame, archive.database["frames"].find_one()["_id"])
    assert len(frame.numbers) == 7
