"""The crystal study on EMT: labels and models of the same numbers, and models that fail."""

import json
import uuid

import pytest
from monty.json import MontyDecoder

from tm23flows.documents.study import Study
from tm23flows.errors import InputError
from tm23flows.flows.label import LabelMaker
from tm23flows.flows.structure import StructureMaker
from tm23flows.flows.studies.crystal import CrystalStudyMaker
from tm23flows.flows.studies.settings import read_settings
from tm23flows.flows.studies.subjects import Subject, stored_subject
from tm23flows.jobs.benchmark import store_calculator
from tm23flows.ops.audit.invariants import audit
from tm23flows.store.archive import Archive

EMT = {"calculator": "ase.calculators.emt:EMT"}
DUD = {"calculator": "ase.calculators.lj:LennardJones", "kwargs": {"epsilon": 0.0}}
QUICK = {"spacing_per_A": 1.5, "vacancy_spacing_per_A": 3.0}


def subject(element="Cu", label=LabelMaker(), **fields):  # noqa: B008 - never changed
    given = {
        "structure": StructureMaker(),
        "regimes": (),
        "dataset_id": "d" * 64,
        "model_ids": (),
        **fields,
    }
    return Subject(element=element, label=label, **given)


@pytest.fixture(scope="module")
def study(_emt_road, database_server, run_flow, tmp_path_factory):
    """The study of the EMT road's copper, of EMT itself, and of a model without a crystal."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TM23_DB_PATH", str(database_server.path))
        patch.setenv("TM23_DATABASE", f"test-{uuid.uuid4().hex[:8]}")
        patch.chdir(tmp_path_factory.mktemp("crystal"))
        archive, source = Archive.open(), Archive.open(database=_emt_road).database
        for name in source.list_collection_names():
            if stored := list(source[name].find()):
                archive.database[name].insert_many(stored)
        models = [store_calculator(archive, one).id for one in (EMT, DUD)]
        made = stored_subject(archive, archive.dataset("Cu-demo"), models)
        flow = CrystalStudyMaker(phases=("fcc", "hcp"), **QUICK).measure([made])
        output = run_flow(flow)[flow.output["study_id"].uuid][1].output
        yield archive, output, made


def test_a_model_that_is_the_labels_agrees_in_everything(study):
    archive, output, _ = study
    (metal,) = archive.get(Study, output["study_id"]).results.metals
    labels, (model, _) = metal.labels, metal.models
    assert metal.phase == "fcc"
    for row in (labels.lattice, model.lattice):
        assert row.a_A == pytest.approx(3.589825, rel=1e-4)
        assert row.c_A is None
    assert model.lattice.curve_difference_eV_per_atom < 1e-5
    found = [one.lattice.bulk_modulus_eV_per_A3 for one in (labels, model)]
    assert found[0] == pytest.approx(found[1], rel=2e-3)
    for left, right in zip(
        labels.elastic.constants_eV_per_A3, model.elastic.constants_eV_per_A3, strict=True
    ):
        assert left == pytest.approx(right, abs=2e-3)
    assert labels.vacancy.unrelaxed_eV == pytest.approx(model.vacancy.unrelaxed_eV, abs=1e-4)
    assert labels.vacancy.relaxed_eV is None
    assert model.vacancy.relaxed_eV < model.vacancy.unrelaxed_eV
    (left,), (right,) = labels.phases, model.phases
    assert (left.phase, right.phase) == ("hcp", "hcp")
    assert left.difference_eV_per_atom == pytest.approx(right.difference_eV_per_atom, abs=2e-5)


def test_a_model_that_fails_stops_no_other_and_is_said(study):
    archive, output, _ = study
    stored = archive.get(Study, output["study_id"])
    dud = stored.results.metals[0].models[1]
    assert (dud.lattice, dud.elastic, dud.vacancy) == (None, None, None)
    assert "no minimum" in dud.reasons["lattice"]
    assert any(dud.model_id[:8] in one and "no lattice" in one for one in stored.warnings)
    assert output["models"] == {"Cu": 2}
    assert output["at_rest"] == {"Cu": 1}


def test_it_has_a_past_and_nothing_is_done_twice(study, run_flow, monkeypatch):
    archive, output, made = study
    assert archive.trace(output["study_id"]).complete
    assert audit(archive).ok
    counts = {name: archive.database[name].count_documents({}) for name in ("labels", "studies")}
    monkeypatch.setattr(
        "tm23flows.jobs.studies.crystal.model_row", lambda *_: pytest.fail("measured again")
    )
    again = CrystalStudyMaker(phases=("fcc", "hcp"), **QUICK).measure([made])
    assert run_flow(again)[again.output["study_id"].uuid][1].output == output
    assert {name: archive.database[name].count_documents({}) for name in counts} == counts


def test_without_a_reference_models_are_measured_alone(emt_copy, run_flow):
    model = store_calculator(emt_copy, EMT).id
    dataset = emt_copy.dataset("Cu-demo").id
    alone = subject(label=None, dataset_id=dataset, model_ids=(model,))
    maker = CrystalStudyMaker(elastic=False, vacancy=False, phases=())
    flow = maker.measure([alone])
    assert [one.name for one in flow.jobs] == ["Cu crystal study"]
    (response,) = run_flow(flow).values()
    stored = emt_copy.get(Study, response[1].output["study_id"])
    (metal,) = stored.results.metals
    assert metal.labels is None
    assert set(metal.models[0].reasons) == {"elastic", "vacancy"}
    assert metal.models[0].lattice.curve_difference_eV_per_atom is None
    assert any("no reference" in one for one in stored.warnings)
    assert not any("not asked" in one for one in stored.warnings)


def test_labels_have_their_recipe_but_for_the_mesh(jobs_of):
    maker = CrystalStudyMaker(phases=("hcp",), options={"symmetry": {}}, rounds=2)
    jobs = jobs_of(maker.measure([subject("Ti"), subject("Cu")]))
    names = [one.name for one in jobs]
    assert len(set(names)) == len(names)
    assert "Ti hcp at rest 2/2" not in names
    assert "Cu hcp at rest 2/2" in names
    labels = [one for one in jobs if "labels" in one.name]
    meshes = {one.name: one.function_args[1][0]["kmesh"] for one in labels}
    assert meshes["Cu vacancy labels 3x3x3 0.2 eV 1/1"] == [3, 3, 3]
    assert all(one.function_args[1][0]["options"] == {"symmetry": {}} for one in labels)
    assert jobs[-1].config.manager_config["_category"] == "train-gpu"


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"phases": ("sc",)}, "'sc' is not a known phase"),
        ({"volumes": (1.0,)}, "volumes of a lattice"),
        ({"strain": 0.5}, "strain must be between"),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused_before_anything_runs(fields, why):
    with pytest.raises(InputError, match=why):
        CrystalStudyMaker(**fields).measure([subject()])


def test_the_crystals_to_start_from_are_part_of_the_question():
    ids = [
        CrystalStudyMaker(phases=phases).measure([one]).jobs[-1].function_args[1]["starts"]["Cu"]
        for phases in ((), ("hcp",))
        for one in (subject(), subject(structure=StructureMaker(a_A=3.6)))
    ]
    assert len(set(ids)) == 4


def test_each_metal_is_there_once():
    for subjects in ([], [subject(), subject()]):
        with pytest.raises(InputError, match="each of them once"):
            CrystalStudyMaker().measure(subjects)


def test_its_settings_can_be_said_on_a_command_line():
    words = {
        "phases": "[]",
        "vacancy": "false",
        "volumes": "0.9,0.95,1,1.05,1.1",
        "supercell": "3,3,2",
    }
    maker = CrystalStudyMaker(**read_settings(CrystalStudyMaker, words))
    assert (maker.phases, maker.vacancy, maker.supercell) == ((), False, (3, 3, 2))
    assert maker.volumes == (0.9, 0.95, 1.0, 1.05, 1.1)


def test_it_survives_its_document():
    maker = CrystalStudyMaker(rounds=2, options={"symmetry": {}})
    back = json.loads(maker.to_json(), cls=MontyDecoder)
    assert back.settings() == maker.settings()
