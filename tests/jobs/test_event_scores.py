"""Predictions matched with labels of events, and scored: exact values, missing frames."""

import numpy as np
import pytest

from tm23flows.documents.base import Provenance
from tm23flows.documents.evaluation import Evaluation
from tm23flows.documents.studies.rare_events import EventRow
from tm23flows.errors import InputError
from tm23flows.jobs.event_scores import (
    EventSet,
    curves,
    difference,
    force_rmse,
    predicted_forces,
    score,
)
from tm23flows.science.block_bootstrap import Bootstrap
from tm23flows.science.rare_events import rare_event_scores

DRAWS = Bootstrap(resamples=100)


def row(frame, event, atoms=(), **fields):
    return EventRow(frame_id=frame, event=event, re_atoms=atoms, **fields)


@pytest.fixture
def events():
    random = np.random.default_rng(0)
    rows = (row("a", "1", (0,)), row("b", "1", (0, 2)), row("c", "2", (1,)), row("d", None))
    return EventSet(rows, {one.frame_id: random.normal(0, 1, (4, 3)) for one in rows})


def wrong(events, by=0.4, seed=1):
    random = np.random.default_rng(seed)
    return {key: one + random.normal(0, by, one.shape) for key, one in events.truth.items()}


def test_the_atoms_of_all_frames_are_pooled(events):
    predicted = wrong(events)
    found = score(events, predicted, DRAWS)
    atoms = [("a", 0), ("b", 0), ("b", 2), ("c", 1)]
    plain = rare_event_scores(
        [predicted[f][i] for f, i in atoms], [events.truth[f][i] for f, i in atoms]
    )
    assert found.re_m.value == pytest.approx(plain.re_m_error)
    assert found.re_a.value == pytest.approx(plain.re_a_error)
    assert found.re_f_eV_per_A.value == pytest.approx(plain.re_f_error_eV_per_A)
    assert found.above_15_deg.value == pytest.approx(plain.fraction_above_15_deg)
    assert (found.n_events, found.n_frames, found.n_atoms) == (2, 3, 4)
    assert found.re_m.low is None  # two events are too few for an interval
    assert curves(events, predicted)["magnitude_curve"][-1] <= 1


def test_other_atoms_and_quiet_frames_change_nothing(events):
    predicted = wrong(events)
    changed = {key: one.copy() for key, one in predicted.items()}
    changed["a"][3] += 100
    changed["d"] += 100
    assert score(events, changed, DRAWS) == score(events, predicted, DRAWS)
    assert force_rmse(events.rows, events.truth, changed) > 10


def test_frames_that_were_not_predicted_are_left_out(events):
    predicted = wrong(events)
    predicted.pop("b")
    found = score(events, predicted, DRAWS)
    assert (found.n_frames, found.n_atoms) == (2, 2)
    assert score(events, {}, DRAWS).undefined is not None
    assert force_rmse(events.rows, events.truth, {}) is None
    assert curves(events, {}) == {"magnitude_curve": None, "angle_curve": None}


def test_two_are_compared_on_the_frames_that_both_have(events):
    one, other = wrong(events), wrong(events, 0.8)
    lacking = {key: other[key] for key in ("a", "c", "d")}
    found = difference(events, one, lacking, DRAWS)
    part = {key: one[key] for key in lacking}
    expected = score(events, part, DRAWS).re_m.value - score(events, lacking, DRAWS).re_m.value
    assert found.re_m.value == pytest.approx(expected)
    assert difference(events, one, {}, DRAWS).re_m is None


def test_a_zero_force_has_no_angle(events):
    zero = {key: np.zeros((4, 3)) for key in events.truth}
    found = score(events, zero, DRAWS)
    assert found.re_a is None
    assert found.n_without_angle == 4
    assert found.angle_undefined is not None
    assert found.re_m is not None


def test_forces_on_other_atoms_are_refused(events):
    with pytest.raises(InputError, match="has 4 atoms and forces on 5"):
        score(events, {"a": np.zeros((5, 3))}, DRAWS)


def test_predictions_are_matched_by_label(archive):
    forces = np.arange(15.0).reshape(5, 3)
    evaluation = Evaluation(
        provenance=Provenance.now(), model_id="0" * 64, dataset_id="1" * 64,
        energy_reference="mean-per-atom", errors=(),
        predictions=archive.blobs.put_arrays(
            label_id=np.array(["y", "x"]), n_atoms=np.array([2, 3]), forces=forces
        ),
    )  # fmt: skip
    archive.put(evaluation)
    found = predicted_forces(archive, evaluation.id, {"x": "fx", "z": "fz"})
    assert list(found) == ["fx"]
    assert found["fx"].tolist() == forces[2:].tolist()
