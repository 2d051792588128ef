"""Results of a finite-size study: what they refuse."""

import pytest
from pydantic import ValidationError

from tm23flows.documents.studies.finite_size import (
    CutoffRow,
    FiniteSizeMetal,
    FiniteSizeResults,
    GridPoint,
)
from tm23flows.documents.studies.label_sets import Bounded

POINTS = tuple(
    GridPoint(cutoff_A=cutoff, nmax=4, lmax=2, force_mae_eV_per_A=error, force_percent=100 * error)
    for cutoff, error in ((4.0, 0.05), (6.0, 0.07))
)


def row(place, **fields):
    given = {
        "cutoff_A": POINTS[place].cutoff_A,
        "point": place,
        "force_percent": Bounded(value=5.0),
        "change": Bounded(value=2.0, low=1.0, high=3.0) if place else None,
        "has_copies": False,
    }
    return CutoffRow(**{**given, **fields})


def metal(**fields):
    given = {
        "element": "Os",
        "regime": "melt",
        "temperature_K": 4132.5,
        "structure_id": "s",
        "dataset_id": "d",
        "grid_id": "g",
        "n_atoms": 640,
        "has_vacancy": False,
        "image_distance_A": 21.6,
        "smallest_width_A": 19.0,
        "n_train": 200,
        "n_test": 50,
        "spacing_fs": 50.0,
        "points": POINTS,
        "best": 0,
        "cutoffs": (row(0), row(1)),
        "verdict": "shortest",
    }
    return FiniteSizeMetal(**{**given, **fields})


def test_the_best_point():
    results = FiniteSizeResults(metals=(metal(),))
    assert results.kind == "finite-size"
    assert results.metals[0].best_point == POINTS[0]
    assert FiniteSizeResults.model_validate_json(results.model_dump_json()) == results


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"best": 2}, "a point is named that is not there"),
        ({"points": (POINTS[0], GridPoint(cutoff_A=6.0, nmax=4, lmax=2))}, "has no error"),
        ({"cutoffs": (row(1, change=None), row(0, change=Bounded(value=1.0)))}, "cutoffs"),
        ({"cutoffs": (row(0), row(1, point=0))}, "best point of a cutoff has another one"),
        ({"cutoffs": (row(0), row(1, change=None))}, "changes are against the shortest"),
        ({"verdict": "perhaps"}, "verdict"),
    ],
)
def test_what_does_not_fit_is_refused(fields, why):
    with pytest.raises(ValidationError, match=why):
        metal(**fields)


def test_an_interval_has_two_ends():
    with pytest.raises(ValidationError, match="two ends"):
        row(1, change=Bounded(value=1.0, low=0.5))
