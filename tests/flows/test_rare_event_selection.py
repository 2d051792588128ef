"""RE-enhanced training and the choice between models, on a vacancy that walks."""

import json

import pytest
from jobflow import JobStore, run_locally
from maggma.stores import MemoryStore
from monty.json import MontyDecoder

from tm23flows.documents.dataset import Dataset
from tm23flows.documents.label import Label
from tm23flows.documents.learning_curve import Resampling
from tm23flows.documents.recipe import Recipe
from tm23flows.documents.study import Study
from tm23flows.errors import InputError
from tm23flows.flows.model import ModelMaker
from tm23flows.flows.rare_event_selection import RareEventSelectionMaker
from tm23flows.flows.studies.rare_events import RareEventStudyMaker
from tm23flows.flows.studies.subjects import stored_subject
from tm23flows.report.studies.rare_events import section
from tm23flows.science.enhanced_training import Enhancement
from tm23flows.science.event_rule import EventRule

SEARCH = RareEventStudyMaker(
    name="training events", events=EventRule(persistence_fs=60, quiet_frames=1),
    max_frames=40, cheap_kmesh=None,
)  # fmt: skip


def maker_of(*models, **fields):
    return RareEventSelectionMaker(
        models=models, search=SEARCH, enhancement=Enhancement(gap_fs=30.0),
        resampling=Resampling(resamples=100), **fields,
    )  # fmt: skip


def scaled(factor, **words):
    return ModelMaker(trainer="scaled", hyperparameters={"factor": factor, **words})


@pytest.fixture(autouse=True)
def _in_a_run_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def study_of(archive, flow):
    """Run all that can be run; a training that fails stops nothing else."""
    responses = run_locally(flow, store=JobStore(MemoryStore()), log=False)
    output = responses[flow.jobs[-1].uuid][1].output
    return output, archive.get(Study, output["study_id"])


def test_every_model_is_trained_twice_and_chosen_on_events(
    archive, walking_vacancy, scaled_trainer
):
    dataset = walking_vacancy(recipe=Recipe(engine="emt", xc="none", kmesh=(2, 2, 2)))
    maker = maker_of(scaled(1.5), scaled(1.1), scaled(0.5, fail=True))
    flow = maker.measure([stored_subject(archive, dataset, [])])
    names = [job.name for job, _ in flow.iterflow()]
    assert len(set(names)) == len(names)
    output, study = study_of(archive, flow)
    (selection,) = study.results.selections
    assert len(selection.candidates) == 6
    assert [one.training_set for one in selection.candidates] == ["original", "enhanced"] * 3

    # Forces that are 1.1 times the true ones are the better ones, by either measure.
    best = selection.candidates[selection.by_rmse]
    assert best.hyperparameters == {"factor": 1.1}
    assert selection.by_rmse == selection.by_score == 2
    assert output["by_rmse"] == output["by_score"] == {"Cu": best.model_id}
    assert best.validation.re_a.value == best.test.re_a.value == 0
    assert best.test_force_rmse_eV_per_A > 0
    assert all("no model" in one.failure for one in selection.candidates[4:])
    assert any("cannot be chosen" in one for one in study.warnings)

    original, enhanced = (
        archive.get(Dataset, one) for one in (selection.original_id, selection.enhanced_id)
    )
    assert len(original.parts["train"]) == len(enhanced.parts["train"]) == selection.n_train
    new = set(enhanced.parts["train"]) - set(original.parts["train"])
    assert len(new) == selection.n_replaced > 0
    for part in ("event-validation", "event-test"):
        assert original.parts[part] == enhanced.parts[part]
    assert {one.recipe_id for one in archive.get_many(Label, enhanced.label_ids)} == {
        Recipe(engine="emt", xc="none", kmesh=(2, 2, 2)).id
    }
    assert selection.reason in " ".join(section(archive, study).answer)


def test_too_few_events_are_a_reason(archive, walking_vacancy, scaled_trainer):
    dataset = walking_vacancy()
    few = RareEventStudyMaker(
        name="training events", events=EventRule(persistence_fs=60, max_events=1), cheap_kmesh=None
    )
    maker = RareEventSelectionMaker(models=(scaled(1.1),), search=few)
    _, study = study_of(archive, maker.measure([stored_subject(archive, dataset, [])]))
    (selection,) = study.results.selections
    assert selection.by_rmse is None
    assert selection.original_id is None
    assert "cannot divide 1 separate events" in selection.reason
    assert section(archive, study).tables


def test_it_survives_its_document(scaled_trainer):
    maker = maker_of(scaled(1.1))
    again = json.loads(maker.to_json(), cls=MontyDecoder)
    assert again.settings() == maker.settings()


def test_what_makes_no_sense_is_refused(scaled_trainer):
    with pytest.raises(InputError, match="needs a metal"):
        maker_of(scaled(1.1)).measure([])
    with pytest.raises(InputError, match="at least one model"):
        maker_of().make({})
