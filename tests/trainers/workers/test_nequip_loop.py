from __future__ import annotations

import json

import numpy as np
import pytest

pytestmark = [pytest.mark.nequip, pytest.mark.slow]


def test_the_last_progress_is_the_last_epoch(nequip_run):
    folder, result = nequip_run
    said = json.loads((folder.parent / "progress.json").read_text())
    assert (said["step"], said["of"], said["unit"]) == (20, 20, "epoch")
    assert said["values"] == result.history[-1]
    assert said["eta_s"] == 0
    assert 0 < said["elapsed_s"] <= result.summary["elapsed_s"]


def test_batches_have_the_frames_of_the_order(worker_path):
    from nequip_loop import _batches

    pytest.importorskip("nequip")
    import torch

    frames = [
        {"pos": torch.full((2, 3), float(i)), "num_atoms": torch.tensor([2])} for i in range(5)
    ]
    found = [
        batch["pos"][::2, 0].tolist() for batch in _batches(frames, np.array([4, 0, 2]), 2, "cpu")
    ]
    assert found == [[4.0, 0.0], [2.0]]
