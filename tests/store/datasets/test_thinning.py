"""Fewer labels of a run, by number and by statistical inefficiency."""

import numpy as np
import pytest

from tm23flows.errors import InputError
from tm23flows.store.datasets.creation import create_dataset


@pytest.fixture
def put(archive, make_frame, make_label):
    """A function that stores labels of one run, 50 fs apart, with energies of one's choice."""

    def store(count, run="a", energies=None, forces=None, stride=50.0, first=0, **fields):
        frames, labels = [], []
        for n in range(first, first + count):
            given = {
                "seed": 1000 * ord(run) + n,
                "trajectory_id": run * 64,
                "step": n + 1,
                "time_fs": stride * n,
                **fields,
            }
            frame = make_frame(**given)
            label = make_label(frame)
            if energies is not None:
                label = label.model_copy(
                    update={
                        "energies": label.energies.model_copy(update={"free": float(energies[n])}),
                        "forces": forces[n],
                    }
                )
            frames.append(frame)
            labels.append(label)
        archive.put(*frames, *labels)
        return labels

    return store


def test_labels_are_thinned_by_number(archive, put):
    labels = [*put(10), *put(7, "b", regime="warm")]
    made = create_dataset(archive, "x", labels, "fraction", {"thin": 3}).dataset
    kept = [labels[n].id for n in (0, 3, 6, 9, 10, 13, 16)]
    assert sorted(made.label_ids) == sorted(kept)
    assert made.facts["kept_every"] == {"a" * 64: 3, "b" * 64: 3}
    assert made.facts["smallest_gap_fs"] == 150.0
    assert made.split_options["thin"] == 3
    for thin in (0, "often", 1.5, -2):
        with pytest.raises(InputError, match="thin is 'inefficiency' or a whole number"):
            create_dataset(archive, "x", labels, "fraction", {"thin": thin})
    with pytest.raises(InputError, match="None of these frames has a time"):
        create_dataset(archive, "x", put(4, "c", time_fs=None), "fraction", {"thin": 2})


def test_labels_are_thinned_by_statistical_inefficiency(archive, put):
    n, phi = 400, 0.9
    noise = np.random.default_rng(1).normal(size=(n, 7))
    series = np.zeros((n, 7))
    for i in range(1, n):
        series[i] = phi * series[i - 1] + noise[i]
    forces = series[:, 1:].reshape(n, 2, 3)
    slow = put(n, energies=series[:, 0], forces=forces)
    fast = put(n, "b", regime="warm", energies=noise[:, 0], forces=noise[:, 1:].reshape(n, 2, 3))
    made = create_dataset(archive, "x", [*slow, *fast], "fraction", {"thin": "inefficiency"})
    every = made.dataset.facts["kept_every"]
    assert 10 <= every["a" * 64] <= 35  # 19 for a series without end
    assert every["b" * 64] == 1
    assert len(made.dataset.label_ids) == -(-n // every["a" * 64]) + n
