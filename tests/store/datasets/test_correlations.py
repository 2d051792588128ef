"""Correlations of runs: read in time, run by run."""

import numpy as np
import pytest

from tm23flows.errors import InputError
from tm23flows.science.decorrelation import energy_correlation, force_correlation
from tm23flows.science.moments import Moment
from tm23flows.store.datasets.correlations import run_correlations


def test_each_run_is_read_in_time(archive, make_frame, make_label):
    frames = [make_frame(seed=n, trajectory_id="ab"[n % 2] * 64) for n in range(20)]
    labels = [make_label(frame) for frame in frames]
    archive.put(*frames, *labels)
    moments = [
        Moment(label.id, frame.id, "cold", frame.trajectory_id, frame.time_fs)
        for frame, label in zip(frames, labels, strict=True)
    ]
    found = {one.run[0]: one for one in run_correlations(archive, moments[::-1], "sigma0")}
    assert {run: one.n for run, one in found.items()} == {"a": 10, "b": 10}
    assert {one.stride_fs for one in found.values()} == {10.0}
    for start, run in enumerate("ab"):
        energies = [label.energies.sigma0 for label in labels[start::2]]
        assert found[run].energy == energy_correlation(energies)
        assert found[run].forces == force_correlation([x.forces for x in labels[start::2]])
        assert found[run].independent_every >= 1
    with pytest.raises(InputError, match="not known"):
        list(run_correlations(archive, moments, "unspecified"))
    lost = [Moment(label.id, label.frame_id, "cold") for label in labels]
    assert list(run_correlations(archive, lost, "free")) == []
    assert np.isfinite(found["a"].forces.effective_size)
