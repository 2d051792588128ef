"""The job that fits learning curves: the fit follows from stored evaluations alone."""

import numpy as np
import pytest

from tm23flows.documents.base import Provenance
from tm23flows.documents.dataset import Dataset
from tm23flows.documents.evaluation import ErrorRow, Evaluation, GroupErrors
from tm23flows.documents.learning_curve import LearningCurve
from tm23flows.documents.model import Model, ModelFile
from tm23flows.errors import InputError, TrainingError
from tm23flows.jobs.learning_curve import fit_learning_curve
from tm23flows.ops.audit.invariants import audit
from tm23flows.store.past.descendants import descendants
from tm23flows.trainers.base import get_trainer

SIZES = (4, 8, 12, 16)
N_TEST = 60
NMAX = {"nmax": 5}
DRAWS = {"resamples": 300, "level": 0.9}


@pytest.fixture
def labels(archive, make_frame, make_label):
    """Labels of 16 frames to train on and 60 to test on, half of these cold and half melt."""
    frames = [
        make_frame(seed=seed, regime="melt" if seed % 2 else "cold", step=seed + 1)
        for seed in range(SIZES[-1] + N_TEST)
    ]
    made = [make_label(frame) for frame in frames]
    archive.put(*frames, *made)
    return made


@pytest.fixture
def measure(archive, labels):
    """A function that stores what is left of a size whose forces are off by some eV/A."""

    def measure(size, errors, test=None, n_train=None, **fields):
        test = labels[SIZES[-1] :] if test is None else test
        errors = np.broadcast_to(errors, len(test))
        dataset = Dataset(
            provenance=Provenance.now(),
            element="Cu",
            parts={
                "train": [one.id for one in labels[: n_train or size]],
                "test": [one.id for one in test],
            },
            rule="learning-curve",
            query={},
        )
        given = {
            "provenance": Provenance.now({"trainer": "1.0"}),
            "trainer": "flare",
            "hyperparameters": get_trainer("flare").hyperparameters(**NMAX).model_dump(mode="json"),
            "seed": 0,
            "dataset_id": dataset.id,
            "files": (ModelFile(name="model.json", blob=archive.blobs.put(b"model")),),
            "wall_s": 2.0 * size,
        }
        model = Model(**{**given, **fields})
        row = ErrorRow(mae=float(np.mean(errors)), rmse=1.0, mav=1.0, percent=None)
        forces = [
            one.forces + error * (-1.0) ** np.arange(3)
            for one, error in zip(test, errors, strict=True)
        ]
        evaluation = Evaluation(
            provenance=Provenance.now({"trainer": "1.0"}),
            model_id=model.id,
            dataset_id=dataset.id,
            energy_reference="mean-per-atom",
            predictions=archive.blobs.put_arrays(
                label_id=np.array([one.id for one in test]),
                n_atoms=np.array([one.n_atoms for one in test]),
                energy=np.zeros(len(test)),
                forces=np.concatenate(forces),
            ),
            errors=(
                GroupErrors(group="all", n_frames=len(test), energy=row, force=row, stress=None),
            ),
        )
        archive.put(dataset, model, evaluation)
        return dataset.id, model.id, evaluation.id

    return measure


def fit(found, hyperparameters=None, seed=0, part="train", **resampling):
    settings = NMAX if hyperparameters is None else hyperparameters
    columns = [list(column) for column in zip(*found, strict=True)]
    return fit_learning_curve.original(
        *columns, "flare", settings, seed, part, {**DRAWS, **resampling}
    )


def noisy(size, exponent=-0.5, seed=0):
    """Errors of the test frames of a size: hard frames are hard for all sizes."""
    hardness = np.random.default_rng(1).uniform(0.7, 1.3, N_TEST)
    own = np.random.default_rng([seed, size]).uniform(0.95, 1.05, N_TEST)
    return 0.3 * size**exponent * hardness * own


@pytest.fixture
def found(measure):
    return [measure(size, noisy(size)) for size in SIZES]


def test_the_law_of_the_sizes_is_found_and_stored(archive, measure):
    found = [measure(size, 0.3 * size**-0.5) for size in SIZES]
    out = fit(found)
    assert out["exponent"] == pytest.approx(-0.5)
    assert out["r_squared"] == pytest.approx(1.0)
    assert out["exponent_low"] == pytest.approx(-0.5)
    curve = archive.get(LearningCurve, out["learning_curve_id"])
    assert (curve.element, curve.trainer, curve.l_max, curve.reason) == ("Cu", "flare", 4, "")
    assert [one.n_train for one in curve.points] == list(SIZES)
    assert [one.wall_s for one in curve.points] == [2.0 * size for size in SIZES]
    assert [one.force.mae for one in curve.points] == pytest.approx(curve.fit.force_mae)
    assert curve.fit.prefactor == pytest.approx(0.3)
    assert [one.group for one in curve.fits] == ["all", "cold", "melt"]
    assert [one.n_frames for one in curve.fits] == [60, 30, 30]


def test_interval_and_band_hold_the_fit(archive, found):
    out = fit(found)
    assert out["exponent_low"] < out["exponent"] < out["exponent_high"]
    line = archive.get(LearningCurve, out["learning_curve_id"]).fit
    assert 0.95 < line.r_squared < 1
    assert all(
        low < here < high
        for low, here, high in zip(
            line.interval.band_low, line.law.at(SIZES), line.interval.band_high, strict=True
        )
    )
    narrower = fit(found, level=0.5)
    assert narrower["exponent_high"] < out["exponent_high"]


def test_regimes_have_laws_of_their_own(archive, measure):
    melt = np.arange(N_TEST) % 2  # seeds of the test frames begin at an even one
    found = [measure(n, np.where(melt, 0.9 * n**-0.2, 0.3 * n**-0.7)) for n in SIZES]
    curve = archive.get(LearningCurve, fit(found)["learning_curve_id"])
    exponents = {one.group: one.exponent for one in curve.fits}
    assert exponents["cold"] == pytest.approx(-0.7)
    assert exponents["melt"] == pytest.approx(-0.2)
    assert -0.7 < exponents["all"] < -0.2


def test_the_order_of_datasets_and_of_test_frames_does_not_matter(archive, measure, labels):
    test = labels[SIZES[-1] :]
    found = [measure(size, noisy(size)) for size in SIZES]
    order = np.random.default_rng(0).permutation(N_TEST)
    turned = [
        measure(size, noisy(size)[order], test=[test[i] for i in order]) for size in SIZES[::-1]
    ]
    numbers = [
        {key: out[key] for key in ("exponent", "exponent_low", "exponent_high")}
        for out in (fit(found, block_length=3), fit(turned, block_length=3))
    ]
    assert numbers[0] == pytest.approx(numbers[1])


def test_twice_is_once(archive, found):
    assert fit(found) == fit(found) == fit(found[::-1])
    assert archive.database["learning_curves"].count_documents({}) == 1
    fit(found, seed=0, level=0.5)
    assert archive.database["learning_curves"].count_documents({}) == 2


def test_a_size_that_failed_is_a_gap_until_it_is_there(archive, found):
    gap = [*found[:1], (found[1][0], None, None), *found[2:]]
    out = fit(gap)
    curve = archive.get(LearningCurve, out["learning_curve_id"])
    assert [one.n_train for one in curve.points] == list(SIZES)
    assert [one.n_train for one in curve.measured] == [4, 12, 16]
    assert curve.fit.sizes == (4, 12, 16)
    assert "Without a model: N = 8." in out["reason"]
    unmeasured = [*found[:1], (*found[1][:2], None), *found[2:]]
    assert "Without an evaluation: N = 8." in fit(unmeasured)["reason"]
    whole = fit(found)
    assert whole["learning_curve_id"] != out["learning_curve_id"]
    assert "Without" not in whole["reason"]
    assert audit(archive).ok


def test_without_any_size_there_is_no_curve(archive, found):
    with pytest.raises(TrainingError, match="No size"):
        fit([(one[0], None, None) for one in found])
    with pytest.raises(InputError, match="datasets of the learning curve were not made"):
        fit([(None, None, None)])
    assert archive.database["learning_curves"].count_documents({}) == 0


def test_with_fewer_than_three_sizes_little_is_claimed(archive, measure):
    found = [measure(size, 0.3 * size**-0.5) for size in SIZES[:2]]
    out = fit(found)
    assert out["exponent"] == pytest.approx(-0.5)
    assert out["r_squared"] is out["exponent_low"] is out["exponent_high"] is None
    assert "no R^2 and no interval" in out["reason"]
    one = fit(found[:1])
    assert one["exponent"] is None
    assert "one size is no curve" in one["reason"]
    assert archive.get(LearningCurve, one["learning_curve_id"]).fits == ()


def test_few_test_frames_give_an_interval_that_is_not_trusted_or_none(archive, measure, labels):
    test = labels[SIZES[-1] :]
    few = [measure(size, noisy(size)[:10], test=test[:10]) for size in SIZES]
    out = fit(few)
    assert "too narrow" in out["reason"]
    assert not archive.get(LearningCurve, out["learning_curve_id"]).fit.interval.trusted
    fewer = fit([measure(size, noisy(size)[:3], test=test[:3]) for size in SIZES])
    assert fewer["exponent_low"] is None
    assert fewer["r_squared"] is not None
    assert "too few" in fewer["reason"]


def test_models_without_any_error_have_no_law(archive, measure):
    out = fit([measure(size, 0.0) for size in SIZES])
    assert out["exponent"] is None
    assert "no error at all" in out["reason"]


def test_sizes_that_differ_in_more_than_the_frames_are_refused(archive, measure, labels, found):
    test = labels[SIZES[-1] :]
    others = [
        (measure(14, 0.1, test=test[1:]), "different test frames"),
        (measure(14, 0.1, seed=1), "other settings"),
        (measure(14, 0.1, hyperparameters={"nmax": 6}), "other settings"),
        ((found[0][0], *found[1][1:]), "not of the model and the dataset"),
        (measure(14, 0.1, n_train=8, test=test[1:]), "same number of frames"),
    ]
    for other, why in others:
        with pytest.raises(InputError, match=why):
            fit([*found[1:3], other])
    with pytest.raises(InputError, match="other settings"):
        fit(found, {"nmax": 7})
    with pytest.raises(InputError, match="no part 'training'"):
        fit(found, part="training")
    assert archive.database["learning_curves"].count_documents({}) == 0


def test_its_past_reaches_datasets_and_models_and_is_found_from_there(archive, found):
    key = fit([*found[:3], (*found[3][:2], None)])["learning_curve_id"]
    past = archive.trace(key)
    assert past.complete
    counts = {level.collection: level.count for level in past.levels}
    assert counts["learning_curves"] == 1
    assert (counts["evaluations"], counts["models"], counts["datasets"]) == (3, 4, 4)
    assert counts["labels"] == counts["frames"] == SIZES[-1] + N_TEST
    for dataset, model, evaluation in found[:3]:
        for one in (dataset, model, evaluation):
            levels = {level.collection: level for level in descendants(archive, one).levels}
            assert [below.id for below in levels["learning_curves"].shown] == [key]
    below = {level.collection for level in descendants(archive, found[3][2]).levels}
    assert "learning_curves" not in below
    assert audit(archive).ok
    archive.database["models"].delete_one({"_id": found[0][1]})
    assert not archive.trace(key).complete
    assert not audit(archive, ["I7"]).ok
