"""Learning curves in the report: the exponents of the documents, and their gaps in words."""

from tm23flows.documents.base import Provenance
from tm23flows.documents.evaluation import ErrorRow
from tm23flows.documents.learning_curve import (
    CurveFit,
    CurvePoint,
    ExponentInterval,
    LearningCurve,
    Resampling,
)
from tm23flows.report.learning_curves import section

SIZES = (100, 300, 500)


def put_curve(archive, element, exponent, trusted=True, **fields):
    errors = [0.5 * size**exponent for size in SIZES]
    points = tuple(
        CurvePoint(
            n_train=size,
            dataset_id=element.encode().hex().rjust(60, "0") + f"{size:04x}",
            model_id=f"{size + 1:064x}",
            evaluation_id=f"{size + 2:064x}",
            force=ErrorRow(mae=error, rmse=error, mav=1.0, percent=100 * error),
        )
        for size, error in zip(SIZES, errors, strict=True)
    )
    interval = ExponentInterval(
        low=exponent - 0.05,
        high=exponent + 0.05,
        band_low=tuple(0.9 * one for one in errors),
        band_high=tuple(1.1 * one for one in errors),
        block_length=2,
        effective_frames=30.0,
        trusted=trusted,
    )
    fit = CurveFit(
        group="all", n_frames=50, sizes=SIZES, force_mae=tuple(errors), exponent=exponent,
        prefactor=0.5, r_squared=1.0, interval=interval,
    )  # fmt: skip
    given = {
        "provenance": Provenance.now(),
        "element": element,
        "trainer": "flare",
        "hyperparameters": {"lmax": 3},
        "l_max": 3,
        "seed": 0,
        "points": points,
        "resampling": Resampling(),
        "fits": (fit,),
        "reason": "",
    }
    curve = LearningCurve(**{**given, **fields})
    archive.put(curve)
    return curve


def test_without_a_curve_there_is_nothing(empty):
    assert section(empty) is None


def test_the_exponents_are_those_of_the_fits(empty):
    copper = put_curve(empty, "Cu", -0.5)
    titanium = put_curve(empty, "Ti", -0.25, trusted=False, reason="One size is missing.")
    found = section(empty)
    (table,) = found.tables
    assert [row[4] for row in table.rows] == ["-", "-"]  # nobody has measured these frames
    assert [row[5] for row in table.rows] == ["-0.50", "-0.25"]
    assert table.rows[0][6] == "-0.55 to -0.45"
    assert "too narrow" in table.rows[1][6]
    assert list(table.documents) == [copper.id, titanium.id]
    assert found.answer == ("Ti flare, l_max 3: One size is missing.",)
    assert len(found.drawings) == 1


def test_of_some_metals_the_others_are_left_out(empty):
    put_curve(empty, "Cu", -0.5)
    put_curve(empty, "Ti", -0.25)
    (table,) = section(empty, {"Ti"}).tables
    assert [row[0] for row in table.rows] == ["Ti flare, l_max 3"]


def test_a_curve_without_a_fit_is_drawn_as_points(empty):
    put_curve(empty, "Cu", -0.5, fits=())
    found = section(empty)
    assert found.tables[0].rows == []
    assert found.drawings[0].svg.count(b"</svg>") == 1
