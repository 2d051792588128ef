"""The Maker of structures."""

import numpy as np
import pytest

from tm23flows.documents.structure import Crystal
from tm23flows.errors import InputError
from tm23flows.flows.structure import StructureMaker


def test_the_defaults_are_the_papers(archive, run_flow):
    from tm23flows.documents.structure import Structure

    job = StructureMaker().make("Cu")
    assert (job.name, job.config.manager_config["_category"]) == ("Cu structure", "analyse")
    out = run_flow(job)[job.uuid][1].output
    structure = archive.get(Structure, out["structure_id"])
    assert out["n_atoms"] == 31
    assert structure.min_image_distance_A >= 7


def test_fields_reach_the_job(archive, run_flow):
    from tm23flows.documents.structure import Structure

    maker = StructureMaker(basis="primitive", supercell=(2, 2, 2), vacancy_seed=5)
    job = maker.make("Cu")
    structure = archive.get(Structure, run_flow(job)[job.uuid][1].output["structure_id"])
    assert len(structure.numbers) == 7
    assert (structure.vacancy_seed, structure.basis) == (5, "primitive")


def test_it_survives_its_document():
    maker = StructureMaker(supercell=(2, 2, 1), vacancy_seed=5)
    back = StructureMaker.from_dict(maker.as_dict())
    assert back.make("Ti").function_args == maker.make("Ti").function_args
    crystal = Crystal.from_atoms(maker.unit_cell("Ti"), "hcp", "a test").model_dump(mode="json")
    given = StructureMaker(basis="given", crystal=crystal, vacancy_seed=2)
    back = StructureMaker.from_dict(given.as_dict())
    assert back.make("Ti").function_args == given.make("Ti").function_args


def test_phase_and_lattice_constants_reach_the_structure(archive, run_flow):
    from tm23flows.documents.structure import Structure

    maker = StructureMaker(phase="omega", a_A=4.57, c_over_a=0.62, supercell=(3, 3, 3))
    job = maker.make("Ti")
    structure = archive.get(Structure, run_flow(job)[job.uuid][1].output["structure_id"])
    assert (structure.phase, len(structure.numbers)) == ("omega", 80)
    assert "4.57" in structure.phase_source
    assert structure.cell == pytest.approx(maker.supercell_vectors("Ti"))


@pytest.mark.parametrize("element", ["Cu", "Os", "Mn", "Hg"])
def test_meshes_can_follow_the_cell_that_will_be_made(element):
    from tm23flows.jobs.structure import make_structure

    maker = StructureMaker()
    structure = make_structure(*maker.make(element).function_args)
    assert structure.cell == pytest.approx(maker.supercell_vectors(element))
    repeated = round(np.linalg.det(structure.supercell_matrix))
    assert repeated * len(maker.unit_cell(element)) == len(structure.numbers) + 1


def test_what_cannot_be_built_is_said_before_it_is_queued():
    with pytest.raises(InputError, match="known phase"):
        StructureMaker(phase="bct").make("Ti")
    with pytest.raises(InputError, match="27 metals"):
        StructureMaker().make("Al")
