"""The Maker of structures."""

from tm23flows.flows.structure import StructureMaker


def test_the_defaults_are_the_papers(archive, run_flow):
    from tm23flows.documents.structure import Structure

    job = StructureMaker().make("Cu")
    assert (job.name, job.config.manager_config["_category"]) == ("Cu structure", "data")
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
