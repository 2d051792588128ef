from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tm23flows.documents.base import Provenance
from tm23flows.documents.ids import bytes_id
from tm23flows.documents.model import Model, ModelFile
from tm23flows.errors import DatabaseError, InputError, NotFoundError
from tm23flows.store.exchange.models import export_model

WEIGHTS = {"model.json": b'{"elements": [29]}', "deep/weights.npz": bytes(range(256)) * 2000}


@pytest.fixture
def store_model(emt_copy):
    """Store a model of the copper dataset with some files; return its id."""

    def store(
        files: dict[str, bytes] = WEIGHTS, manifest: dict | None = None, **fields: Any
    ) -> str:
        sums = {name: bytes_id(data) for name, data in files.items()}
        listed = json.dumps({"sha256": sums if manifest is None else manifest}).encode()
        named = {**files, "manifest.json": listed}
        told = {
            "provenance": Provenance.now({"mir-flare": "1.4.0"}),
            "trainer": "flare",
            "hyperparameters": {"nmax": 8},
            "seed": len(emt_copy.database["models"].distinct("_id")),
            "dataset_id": emt_copy.dataset("Cu-demo").id,
            "files": tuple(
                ModelFile(name=name, blob=emt_copy.blobs.put(data)) for name, data in named.items()
            ),
            "summary": {"log_likelihood": 3.5},
            "wall_s": 1.0,
        }
        model = Model(**{**told, **fields})
        emt_copy.put(model)
        return model.id

    return store


def test_the_folder_holds_the_files_and_says_what_they_are(emt_copy, store_model, tmp_path):
    key, dataset = store_model(), emt_copy.dataset("Cu-demo")
    written = export_model(emt_copy, key, tmp_path / "out")
    names = {str(path.relative_to(tmp_path / "out")) for path in written}
    assert names == {*WEIGHTS, "manifest.json", "card.json", "README.md"}
    for name, data in WEIGHTS.items():
        assert (tmp_path / "out" / name).read_bytes() == data
    card = json.loads((tmp_path / "out" / "card.json").read_text())
    assert (card["id"], card["trainer"], card["elements"]) == (key, "flare", ["Cu"])
    assert card["trained_on"]["n_frames"] == len(dataset.parts["train"])
    assert {one["name"]: one["unit"] for one in card["quantities"]}["stress"] == "eV/angstrom^3"
    assert [one["engine"] for one in card["recipes"].values()] == ["emt"]
    assert card["sha256"]["model.json"] == bytes_id(WEIGHTS["model.json"])
    text = (tmp_path / "out" / "README.md").read_text()
    for said in (key, "free energy F", "mir-flare 1.4.0", 'model_calculator("flare"', "not stated"):
        assert said in text
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_calculator_from_elsewhere_says_what_is_not_known(emt_copy, store_model, tmp_path):
    told = {"calculator": "mace.calculators:MACECalculator", "package": {"mace-torch": "0.3"}}
    key = store_model(
        {"calculator.json": b"{}"}, trainer="calculator", dataset_id=None, hyperparameters=told
    )
    export_model(emt_copy, key, tmp_path / "out")
    card = json.loads((tmp_path / "out" / "card.json").read_text())
    assert (card["trained_on"], card["elements"], card["recipes"]) == (None, None, {})
    assert card["licence_of_training_data"] == ["not stated"]
    text = (tmp_path / "out" / "README.md").read_text()
    for said in (key, told["calculator"], "version of mace-torch is refused", "runs the code"):
        assert said in text


@pytest.mark.parametrize("harm", ["changed", "cut", "gone"])
def test_a_damaged_file_is_refused_and_nothing_is_left(harm, emt_copy, store_model, tmp_path):
    key = store_model()
    blob = bytes_id(WEIGHTS["deep/weights.npz"])
    chunks = emt_copy.database["blobs.chunks"]
    if harm == "changed":
        chunks.update_one({"files_id": blob, "n": 0}, {"$set": {"data": b"x" * 261120}})
    elif harm == "cut":
        chunks.delete_one({"files_id": blob, "n": 1})
    else:
        emt_copy.database["blobs.files"].delete_one({"_id": blob})
    with pytest.raises((DatabaseError, NotFoundError), match=blob[:12]):
        export_model(emt_copy, key, tmp_path / "out")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["../evil", "/tmp/evil", "README.md", "a/../../evil"])
def test_names_do_not_leave_the_folder(name, emt_copy, store_model, tmp_path):
    key = store_model({"model.json": b"{}", name: b"evil"})
    (tmp_path / "inside").mkdir()
    with pytest.raises(DatabaseError, match="which is not written"):
        export_model(emt_copy, key, tmp_path / "inside" / "out")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert not Path("/tmp/evil").exists()


@pytest.mark.parametrize("manifest", [{}, {"model.json": "0" * 64}, [1]])
def test_a_manifest_of_other_files_is_refused(manifest, emt_copy, store_model, tmp_path):
    key = store_model(manifest=manifest)
    with pytest.raises(DatabaseError, match="does not know its files"):
        export_model(emt_copy, key, tmp_path / "out")


def test_a_place_that_is_taken_or_missing_is_said(emt_copy, store_model, tmp_path):
    key = store_model()
    with pytest.raises(InputError, match="is there already"):
        export_model(emt_copy, key, tmp_path)
    with pytest.raises(InputError, match="There is no folder"):
        export_model(emt_copy, key, tmp_path / "a" / "b")
    with pytest.raises(NotFoundError):
        export_model(emt_copy, "0" * 64, tmp_path / "out")
