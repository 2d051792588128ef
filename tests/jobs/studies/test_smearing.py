"""The job of the smearing study: what follows from stored label sets, and only from these."""

import numpy as np
import pytest

from tm23flows.documents.study import Study
from tm23flows.jobs.studies.smearing import make_smearing_study
from tm23flows.ops.audit.invariants import audit
from tm23flows.science.metrics import percent_error

SETTINGS = {
    "sigmas_eV": [0.2, 1.0, 2.0],
    "resampling": {"resamples": 300, "level": 0.9},
    "allow_missing": False,
}


def study_of(archive, *metals, **settings):
    wired = {one.element: one.wired for one in metals}
    out = make_smearing_study.original(wired, {**SETTINGS, **settings})
    return archive.get(Study, out["study_id"]), out


def test_errors_changes_and_noise_of_each_width(archive, label_sets):
    sets = label_sets()
    study, out = study_of(archive, sets)
    (metal,) = study.results.metals
    assert [row.sigma_eV for row in metal.rows] == [0.2, 1.0, 2.0]
    assert (metal.n_train, metal.n_test, metal.kmesh) == (10, 60, (3, 3, 3))
    for row, (labels, denser, _, _, evaluation) in zip(metal.rows, sets.sets, strict=True):
        predicted = archive.blobs.get_arrays(evaluation.predictions)["forces"]
        reference = np.concatenate([one.forces for one in labels[10:]])
        assert row.force.percent.value == pytest.approx(percent_error(predicted, reference))
        off = np.array([one.forces for one in labels[-4:]]) - [one.forces for one in denser]
        assert row.noise.rms == pytest.approx(np.sqrt((off**2).mean()))
        assert row.noise.percent == pytest.approx(
            100 * np.abs(off).mean() / np.abs(reference).mean()
        )
        assert (row.noise.n_frames, row.noise.kmesh) == (4, (4, 4, 4))
    changes = [row.force.change for row in metal.rows]
    assert changes[0] is None
    percents = [row.force.percent.value for row in metal.rows]
    assert changes[2].percent.value == pytest.approx(percents[2] - percents[0])
    assert (metal.verdict, out["verdicts"]) == ("falls", {"Cu": "falls"})
    assert "label noise does not explain it" in metal.sentence
    assert f"{percents[0]:.2f} to {percents[2]:.2f} %" in metal.sentence
    assert study.settings == SETTINGS


def test_a_fall_that_is_noise_is_called_so(archive, label_sets):
    # Models of one quality; only the labels get better.
    study, _ = study_of(archive, label_sets(errors=[0.02] * 3, noises=[0.06, 0.01, 0.0]))
    (metal,) = study.results.metals
    assert metal.rows[2].force.change.percent.high < 0
    assert metal.verdict == "noise"
    assert "may be label noise" in metal.sentence


def test_noise_that_was_not_measured_leaves_no_verdict(archive, label_sets):
    sets = label_sets(errors=[0.1, 0.05, 0.02])
    for _, denser, *_ in sets.sets[:1]:
        archive.database["labels"].delete_many({"_id": {"$in": [one.id for one in denser]}})
    study, _ = study_of(archive, sets)
    (metal,) = study.results.metals
    assert metal.rows[0].noise is None
    assert metal.verdict == "unresolved"
    assert "not measured" in metal.sentence
    assert any("noise of Cu is not known" in one for one in study.warnings)


def test_the_force_response_is_that_of_the_article(archive, label_sets):
    exact = {"noises": [0.0] * 3, "errors": [0.02] * 3}
    (metal,) = study_of(archive, label_sets(scales=[1.0, 0.9, 0.8], **exact))[0].results.metals
    grown = metal.rows[2].response
    assert metal.rows[0].response is None
    # Forces that only shrink change in length alone.
    assert grown.difference.value == pytest.approx(0, abs=1e-12)
    assert (grown.n_frames, grown.n_atoms) == (70, 140)
    turned = label_sets("Au", turns=[0.0, 0.1, 0.3], **exact)
    (metal,) = study_of(archive, turned)[0].results.metals
    assert metal.rows[1].response.angular.value == pytest.approx(0.1)
    assert metal.rows[2].response.angular.value == pytest.approx(0.3)
    more = np.array([0, 0, 0.3])
    lengths = np.linalg.norm(turned.true + more, axis=2) - np.linalg.norm(turned.true, axis=2)
    assert metal.rows[2].response.radial.value == pytest.approx(np.abs(lengths).mean())
    assert metal.rows[2].response.difference.low > 0


def test_metals_are_compared_by_how_much_the_error_falls(archive, label_sets):
    weak = label_sets("Cu", errors=[0.05, 0.045, 0.04])
    strong = label_sets("Ti", errors=[0.2, 0.1, 0.05])
    results = study_of(archive, weak, strong)[0].results
    (row,) = results.comparisons
    assert (row.first, row.second, results.falls_most) == ("Ti", "Cu", "Ti")
    by_metal = {one.element: one.rows[2].force.change.percent.value for one in results.metals}
    assert row.difference.value == pytest.approx(by_metal["Ti"] - by_metal["Cu"])
    assert row.difference.high < 0
    assert row.without_noise.high < 0
    assert results.sentence.startswith("The force error of Ti falls most")


def test_a_metal_whose_fall_may_be_noise_leaves_the_order_open(archive, label_sets):
    noisy = label_sets("Cu", errors=[0.02] * 3, noises=[0.06, 0.01, 0.0])
    strong = label_sets("Ti", errors=[0.3, 0.1, 0.05])
    results = study_of(archive, noisy, strong)[0].results
    assert results.falls_most is None
    assert "not resolved" in results.sentence
    alone = study_of(archive, noisy)[0].results
    assert (alone.comparisons, alone.falls_most, alone.sentence) == ((), None, "")


def test_a_fall_that_is_larger_only_for_its_label_noise_is_not_the_largest(archive, label_sets):
    clean = label_sets("Cu", errors=[0.1, 0.07, 0.055], noises=[0.0] * 3)
    noisy = label_sets("Ti", errors=[0.11, 0.08, 0.06], noises=[0.08, 0.02, 0.0])
    results = study_of(archive, clean, noisy)[0].results
    assert [one.verdict for one in results.metals] == ["falls", "falls"]
    (row,) = results.comparisons
    assert (row.first, row.difference.high < 0) == ("Ti", True)
    assert row.without_noise.value > 0
    assert results.falls_most is None


def test_a_second_run_changes_nothing_and_the_archive_is_sound(archive, label_sets):
    sets = label_sets()
    first, out = study_of(archive, sets)
    again, same = study_of(archive, sets)
    assert (out, first) == (same, again)
    other, _ = study_of(archive, sets, resampling={"resamples": 300, "level": 0.9, "seed": 1})
    assert other.id != first.id
    assert first.parents["datasets"] == tuple(sorted(one[2].id for one in sets.sets))
    assert len(first.parents["labels"]) == 3 * 4
    assert audit(archive).ok
