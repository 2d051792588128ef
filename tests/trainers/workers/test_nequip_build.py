from __future__ import annotations

import json

import pytest

pytestmark = [pytest.mark.nequip, pytest.mark.slow]


def test_the_model_file_holds_numbers_and_plain_containers_only(nequip_run):
    torch = pytest.importorskip("torch")
    folder, result = nequip_run
    content = torch.load(folder / "best.ckpt", weights_only=True)
    weights = [v for k, v in content["state_dict"].items() if k.startswith("model.")]
    assert sum(v.numel() for v in weights) >= result.summary["n_weights"] > 1000
    resolved = content["hyper_parameters"]["info_dict"]["training_module"]["model"]
    # statistics of the training frames, not the words that stand for them
    assert "training_data_stats" not in json.dumps(resolved)
    assert resolved["avg_num_neighbors"] > 1
