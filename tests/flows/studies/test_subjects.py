"""A metal with its models, wired or out of the archive."""

import numpy as np
import pytest

from tm23flows.documents.structure import Structure
from tm23flows.errors import InputError
from tm23flows.flows.scales import make_tm23
from tm23flows.flows.structure import StructureMaker
from tm23flows.flows.studies.subjects import subjects_of, unit_cell_of
from tm23flows.jobs.structure import build_structure


def test_a_road_is_wired_as_far_as_its_models():
    (subject,) = subjects_of({"Cu": make_tm23("Cu", "demo", "emt")})
    assert len(subject.model_ids) == 2
    assert subject.regimes == ("cold", "warm", "melt")
    names = [job.name for flow in subject.flows for job, _ in _jobs(flow)]
    assert names[0] == "Cu structure"
    assert names[-1] == "Cu nequip evaluation"


def _jobs(flow):
    return flow.iterflow() if hasattr(flow, "iterflow") else [(flow, None)]


@pytest.mark.parametrize("element", ["Cu", "Ti", "Fe"])
@pytest.mark.parametrize("basis", ["primitive", "conventional"])
def test_the_unit_cell_is_found_in_the_supercell(archive, element, basis):
    maker = StructureMaker(basis=basis)
    job = maker.make(element)
    made = build_structure.original(*job.function_args)
    structure = archive.get(Structure, made["structure_id"])
    unit, expected = unit_cell_of(structure), maker.unit_cell(element)
    assert len(unit) == len(expected)
    assert unit.cell.array == pytest.approx(expected.cell.array, abs=1e-6)
    assert unit.get_volume() / len(unit) == pytest.approx(expected.get_volume() / len(expected))
    distances = [np.sort(a.get_all_distances(mic=True).ravel()) for a in (unit, expected)]
    assert distances[0] == pytest.approx(distances[1], abs=1e-5)


def test_a_site_that_is_nowhere_is_not_invented(archive):
    job = StructureMaker(basis="primitive").make("Mn")  # 29 sites, repeated once
    made = build_structure.original(*job.function_args)
    with pytest.raises(InputError, match="only once"):
        unit_cell_of(archive.get(Structure, made["structure_id"]))
