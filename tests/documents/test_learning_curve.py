"""Learning curves as documents: what they are made from makes the id, the numbers follow."""

import bson
import pytest
from pydantic import ValidationError

from tm23flows.documents.base import Provenance
from tm23flows.documents.evaluation import ErrorRow
from tm23flows.documents.learning_curve import (
    CurveFit,
    CurvePoint,
    ExponentInterval,
    LearningCurve,
    Resampling,
    l_max_of,
)

ROW = ErrorRow(mae=0.1, rmse=0.2, mav=1.0, percent=10.0)


def point(n_train, **fields):
    given = {
        "n_train": n_train,
        "dataset_id": f"{n_train:064x}",
        "model_id": f"{n_train + 1:064x}",
        "evaluation_id": f"{n_train + 2:064x}",
        "force": ROW,
        "energy": ROW,
        "wall_s": 1.5 * n_train,
    }
    return CurvePoint(**{**given, **fields})


POINTS = (point(100), point(300), point(500))
INTERVAL = ExponentInterval(
    low=-0.6,
    high=-0.4,
    band_low=(0.09, 0.05, 0.04),
    band_high=(0.11, 0.07, 0.05),
    block_length=3,
    effective_frames=40.0,
    trusted=True,
)
FIT = CurveFit(
    group="all",
    n_frames=100,
    sizes=(100, 300, 500),
    force_mae=(0.1, 0.06, 0.045),
    exponent=-0.5,
    prefactor=1.0,
    r_squared=0.99,
    interval=INTERVAL,
)


def curve(**fields):
    given = {
        "provenance": Provenance.now(),
        "element": "Cu",
        "trainer": "nequip",
        "hyperparameters": {"l_max": 2, "n_features": 16},
        "l_max": 2,
        "seed": 0,
        "points": POINTS,
        "resampling": Resampling(),
        "fits": (FIT,),
        "reason": "",
    }
    return LearningCurve(**{**given, **fields})


CHANGES = [
    {"trainer": "flare"},
    {"hyperparameters": {"l_max": 2, "n_features": 8}},
    {"seed": 1},
    {"points": (*POINTS, point(700))},
    {"points": (*POINTS[:2], point(500, evaluation_id="e" * 64))},
    {"resampling": Resampling(seed=1)},
    {"resampling": Resampling(level=0.9)},
    {"resampling": Resampling(block_length=5)},
]


def test_what_it_is_made_from_makes_the_id():
    ids = {curve(**change).id for change in [{}, *CHANGES]}
    assert len(ids) == len(CHANGES) + 1


def test_times_and_last_digits_do_not_make_the_id():
    slower = (point(100, wall_s=999.0), *POINTS[1:])
    other = FIT.model_copy(update={"exponent": FIT.exponent + 1e-15})
    assert curve(points=slower, fits=(other,)).id == curve().id


def test_a_gap_is_another_curve():
    gap = (POINTS[0], point(300, evaluation_id=None, model_id=None, force=None), POINTS[2])
    fit = FIT.model_copy(update={"sizes": (100, 500), "force_mae": (0.1, 0.045)})
    one = curve(points=gap, fits=(fit,))
    assert one.id != curve().id
    assert [size.n_train for size in one.measured] == [100, 500]


def test_the_fit_over_all_frames_is_a_law():
    melt = FIT.model_copy(update={"group": "melt", "exponent": -0.3})
    one = curve(fits=(FIT, melt))
    assert one.fit == FIT
    assert one.fit.law.at([400]) == pytest.approx([0.05])
    assert curve(fits=()).fit is None


@pytest.mark.parametrize(
    "fields",
    [
        {"points": POINTS[::-1]},
        {"points": (POINTS[0], POINTS[0])},
        {"points": (), "fits": ()},
        {"points": (point(100, evaluation_id=None),), "fits": ()},
        {"points": POINTS[:2]},
        {"l_max": 3},
        {"l_max": None},
    ],
    ids=str,
)
def test_what_contradicts_itself_is_refused(fields):
    with pytest.raises(ValidationError):
        curve(**fields)


def test_trainers_have_their_own_word_for_l_max():
    assert l_max_of({"l_max": 2}) == l_max_of({"lmax": 2, "nmax": 8}) == 2
    assert l_max_of({"l_max": 0}) == 0
    assert l_max_of({"offset": 1.0}) is None


def test_it_comes_back_from_the_database():
    one = curve()
    back = LearningCurve.from_stored(bson.decode(bson.encode({"_id": one.id, **one.model_dump()})))
    assert back == one
