from __future__ import annotations

import json

import pytest

from tm23flows.errors import TrainingError
from tm23flows.trainers.manifest import write_manifest
from tm23flows.trainers.prediction import open_model


def test_an_open_model_tells_a_worker_all_it_needs(tmp_path, monkeypatch):
    monkeypatch.setenv("TM23_TRAINER_DEVICE", "cuda")
    (tmp_path / "model.json").write_text('{"elements": [29, 79]}')
    write_manifest(tmp_path, ["model.json"])
    model = open_model(["model.json"], tmp_path)
    sums = json.loads((tmp_path / "manifest.json").read_text())["sha256"]
    assert model.elements == [29, 79]
    assert model.request == {"model": str(tmp_path), "device": "cuda", "sha256": sums}


@pytest.mark.parametrize("text", ["{}", "[]", "no json", '{"elements": 29}', '{"elements": ["x"]}'])
def test_a_model_without_elements_is_one_sentence(text, tmp_path):
    (tmp_path / "model.json").write_text(text)
    write_manifest(tmp_path, ["model.json"])
    with pytest.raises(TrainingError, match="does not name the elements: train the model again"):
        open_model(["model.json"], tmp_path)


def test_a_changed_file_is_refused(tmp_path):
    (tmp_path / "model.json").write_text('{"elements": [29]}')
    write_manifest(tmp_path, ["model.json"])
    (tmp_path / "model.json").write_text('{"elements": [79]}')
    with pytest.raises(TrainingError, match="sha256 differs"):
        open_model(["model.json"], tmp_path)
