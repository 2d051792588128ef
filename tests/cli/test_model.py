"""``tm23 model``: what there is, and what a trainer can be told."""

from tm23flows.documents.base import Provenance
from tm23flows.documents.model import Model, ModelFile


def test_models_are_listed_and_shown(tm23, emt_copy):
    assert "no models yet" in tm23("model", "list").out
    model = Model(
        provenance=Provenance.now(),
        trainer="flare",
        hyperparameters={"nmax": 8},
        seed=3,
        dataset_id=emt_copy.dataset("Cu-demo").id,
        files=(ModelFile(name="model.json", blob=emt_copy.blobs.put(b"{}")),),
        history=({"log_likelihood": 1.0}, {"log_likelihood": 2.5}),
        summary={"n_frames": 18},
        wall_s=1.0,
    )
    emt_copy.put(model)
    assert [row["id"] for row in tm23("model", "list", "--json").json] == [model.id]
    assert model.id[:12] in tm23("model", "list").out
    shown = tm23("model", "show", model.id[:10], "--json").json
    assert (shown["hyperparameters"], shown["seed"]) == ({"nmax": 8}, 3)
    assert shown["last_of_history"] == {"log_likelihood": 2.5}
    assert "n_frames: 18" in tm23("model", "show", model.id[:10]).out


def test_a_trainer_says_what_it_can_be_told(tm23):
    rows = {row["name"]: row for row in tm23("model", "hyperparameters", "flare", "--json").json}
    assert rows["power"]["default"] == 2
    assert "cutoff_A=5.0  Cutoff radius" in tm23("model", "hyperparameters", "flare").out
