"""Labels are computed again and compared; a wrong one is found."""

import numpy as np
import pytest

from tm23flows.documents.label import Label


def test_a_label_agrees_with_itself_computed_again(mini, emt_mini):
    labels = mini.check.choose(emt_mini, 3, 0, {"kmesh": "2x2x2"})
    assert len({one.id for one in labels}) == 3
    for label in labels:
        assert mini.check.recompute(emt_mini, label).agrees


def test_the_draw_is_that_of_the_seed(mini, emt_mini):
    draws = [[one.id for one in mini.check.choose(emt_mini, 4, seed, {})] for seed in (1, 1, 2)]
    assert draws[0] == draws[1] != draws[2]


@pytest.mark.parametrize("name", ["forces", "stress"])
def test_a_label_that_is_off_is_found(mini, emt_mini, name):
    (label,) = mini.check.choose(emt_mini, 1, 0, {})
    tolerance = {
        "forces": mini.check.FORCE_TOLERANCE_EV_PER_A,
        "stress": mini.check.STRESS_TOLERANCE_EV_PER_A3,
    }
    off = np.array(getattr(label, name))
    off.flat[0] += 1.5 * tolerance[name]
    wrong = label.model_copy(update={name: off})
    assert isinstance(wrong, Label)
    assert not mini.check.recompute(emt_mini, wrong).agrees


def test_nothing_to_check_is_said(mini, archive):
    with pytest.raises(SystemExit, match="imported"):
        mini.check.choose(archive, 1, 0, {})
