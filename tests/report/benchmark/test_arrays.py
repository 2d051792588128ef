"""Evaluations are read once and measured as the evaluations themselves say."""

import numpy as np
import pytest

from tm23flows.errors import NotFoundError
from tm23flows.report.benchmark.arrays import evaluate_all, force_density, read_benchmark
from tm23flows.report.records import measured
from tm23flows.science.block_bootstrap import Bootstrap

QUICK = Bootstrap(resamples=100)


def test_all_evaluations_are_there_in_their_order(evaluated):
    found = [(one.measured.dataset.element, one.measured.model.trainer) for one in evaluated]
    assert found == [
        ("Cu", "calculator"), ("Cu", "flare"), ("Cu", "nequip"), ("Ti", "flare"), ("Ti", "nequip"),
    ]  # fmt: skip
    assert len({one.part for one in evaluated}) == 2


def test_numbers_are_those_of_the_stored_evaluation(evaluated):
    for one in evaluated:
        stored = {row.group: row for row in one.measured.evaluation.errors}
        assert set(one.errors) == set(stored)
        for group, row in stored.items():
            found = one.errors[group]
            assert found.n_frames == row.n_frames
            for quantity in ("energy", "force", "stress"):
                known, errors = getattr(row, quantity), found.errors.get(quantity)
                assert (known is None) == (errors is None)
                if known:
                    numbers = errors.mae.value, errors.rmse.value, errors.mav, errors.percent.value
                    expected = known.mae, known.rmse, known.mav, known.percent
                    assert numbers == pytest.approx(expected, rel=1e-9)


def test_a_dataset_may_be_asked_for_and_labels_are_read_once(world, monkeypatch):
    read = []
    real = world.archive.blobs.get_arrays
    monkeypatch.setattr(
        world.archive.blobs, "get_arrays", lambda key: read.append(key) or real(key)
    )
    found = read_benchmark(world.archive, "Cu-set", QUICK)
    assert [one.measured.dataset.element for one in found] == ["Cu"] * 3
    assert len(read) == 4  # three predictions, one set of labels
    assert found[0].level == QUICK.level
    with pytest.raises(NotFoundError):
        read_benchmark(world.archive, "Os-set", QUICK)


def test_evaluations_come_one_at_a_time(world):
    stream = evaluate_all(world.archive, measured(world.archive), QUICK)
    assert next(stream).measured.model.trainer == "calculator"


def test_every_component_is_in_the_histogram():
    labelled = np.array([[-1.0, 0.0, 0.99], [1.0, 0.5, -0.2]])
    found = force_density(labelled + np.array([0, 0, 1.01]), labelled, 4)
    assert found.counts.sum() == 6
    assert found.edges_eV_per_A.tolist() == [-2, -1, 0, 1, 2]
    # Labelled across, predicted down: 0.99 was predicted as 2.0.
    assert found.counts[3, 2] == 1
    assert force_density(np.zeros((2, 3)), np.zeros((2, 3)), 4).counts.sum() == 6
