"""The job of the correlation study, on metals whose answer is known."""

import numpy as np
import pytest

from tm23flows.documents.base import Provenance
from tm23flows.documents.dataset import Dataset
from tm23flows.documents.elastic_constants import ElasticConstants
from tm23flows.documents.evaluation import ErrorRow, Evaluation, GroupErrors
from tm23flows.documents.model import Model
from tm23flows.documents.recipe import Recipe
from tm23flows.documents.studies.correlations import MetalRow
from tm23flows.documents.study import Study
from tm23flows.errors import TrainingError
from tm23flows.jobs.studies.correlations import _in_short, correlate, make_results
from tm23flows.science.correlations import Analysis
from tm23flows.science.metals import METALS, metal

FAST = Analysis(resamples=200, permutations=1999)
SETTINGS = {"analysis": {"resamples": 200, "permutations": 1999}, "n_dos_frames": 3}
GROUP_XII = ("Zn", "Cd", "Hg")


def rows(seed=0, of_d_band=2.0, outlier=0.0):
    """All 27 metals: errors follow the d-band centre and nothing else."""
    random = np.random.default_rng(seed)
    found = []
    for symbol in METALS:
        centre = random.uniform(-5, 0)
        percent = 15 + of_d_band * centre + 0.4 * random.standard_normal()
        percent += outlier * (symbol in GROUP_XII)
        found.append(
            MetalRow(
                element=symbol,
                group=metal(symbol).group,
                family=str(random.choice(["fcc", "bcc", "hcp"])),
                force_percent=percent,
                force_mae_eV_per_A=abs(random.standard_normal()),
                values={
                    "d_band_centre_eV": centre,
                    "cauchy_pressure_eV_per_A3": random.standard_normal(),
                    "min_k_density_A": random.uniform(3, 6),
                    "n_d_product": float(random.integers(0, 25)),
                    "melting_temperature_K": metal(symbol).melting_temperature_K,
                },
            )
        )
    return found


def verdicts(results, error="force_percent", without=False):
    return {
        one.predictor: one.verdict
        for one in results.trends
        if one.error == error and one.without_group_xii == without
    }


def test_the_one_true_trend_is_found_and_the_others_are_null_results():
    results = make_results(rows(), FAST)
    found = verdicts(results)
    assert found.pop("d_band_centre_eV") == "correlated"
    assert set(found.values()) == {"null result"}
    assert set(verdicts(results, "force_mae_eV_per_A").values()) == {"null result"}
    assert {one.verdict for one in results.contrasts} == {"null result"}
    (trend,) = [
        one for one in results.trends
        if one.predictor == "d_band_centre_eV" and one.error == "force_percent"
        and not one.without_group_xii
    ]  # fmt: skip
    assert trend.n == 27
    assert trend.slope_ends[0] < 2.0 < trend.slope_ends[1]
    assert trend.pearson_p < trend.pearson_p_corrected <= 0.05


def test_all_p_values_are_corrected_together():
    results = make_results(rows(), FAST)
    # Five properties with two coefficients and one contrast, two errors, with and without XII.
    assert results.n_p_values == (5 * 2 + 1) * 2 * 2
    raw = [p for one in results.trends for p in (one.pearson_p, one.spearman_p)]
    corrected = [
        p for one in results.trends for p in (one.pearson_p_corrected, one.spearman_p_corrected)
    ]
    assert all(b >= a for a, b in zip(raw, corrected, strict=True))


def test_studies_of_nothing_find_nothing():
    """With 44 p-values that are all null, some study would call one a correlation uncorrected."""
    studies = [make_results(rows(seed, of_d_band=0.0), FAST) for seed in range(4)]
    raw = [p for one in studies for trend in one.trends for p in (trend.pearson_p,)]
    assert min(raw) < 0.05
    found = [trend.verdict for one in studies for trend in one.trends]
    assert found.count("correlated") == 0


def test_group_xii_is_seen_with_and_without():
    results = make_results(rows(outlier=40.0), FAST)
    assert verdicts(results, without=True)["d_band_centre_eV"] == "correlated"
    with_them, without = (
        next(
            one for one in results.trends
            if one.predictor == "d_band_centre_eV" and one.error == "force_percent"
            and one.without_group_xii == choice
        )
        for choice in (False, True)
    )  # fmt: skip
    assert (with_them.n, without.n) == (27, 24)
    assert not set(without.elements) & set(GROUP_XII)
    assert without.pearson > 0.95 > with_them.pearson


def test_in_short_only_what_all_metals_show_is_correlated():
    results = make_results(rows(), FAST)
    hidden = tuple(
        one if one.without_group_xii else one.model_copy(update={"verdict": "null result"})
        for one in results.trends
    )
    assert any(one.verdict == "correlated" for one in hidden)
    seen = [
        _in_short(
            Study(
                provenance=Provenance.now(), elements=METALS, settings={}, parents={},
                results=results.model_copy(update={"trends": trends}),
            )
        )["correlated"]
        for trends in (results.trends, hidden)
    ]  # fmt: skip
    assert seen == [["d_band_centre_eV"], []]


def test_without_group_xii_nothing_is_counted_twice():
    results = make_results([row for row in rows() if row.group != 12], FAST)
    assert not any(one.without_group_xii for one in results.trends)
    assert len(results.trends) == 10


def test_gaps_are_left_out_of_the_tests_that_they_are_gaps_of():
    full = rows()
    without_dos = full[0].model_copy(update={"values": {"n_d_product": 5.0}})
    without_error = full[1].model_copy(update={"force_percent": None, "force_mae_eV_per_A": None})
    results = make_results([without_dos, without_error, *full[2:]], FAST)
    by_name = {one.predictor: one for one in results.trends if not one.without_group_xii}
    assert by_name["d_band_centre_eV"].n == 25
    assert by_name["n_d_product"].n == 26
    assert "Zr" not in by_name["n_d_product"].elements
    assert len(results.metals) == 27


def test_two_metals_are_not_tested_and_say_so():
    results = make_results(rows()[:2], FAST)
    assert {one.verdict for one in results.trends} == {"not tested"}
    assert all("too few" in one.reason for one in results.trends)
    assert results.n_p_values == 0


@pytest.fixture
def measured(archive, make_frame, make_label):
    """A function that stores what the jobs of a metal make; returns what the analysis is given."""

    def store(element, percent, cauchy, stress=None):
        seed = METALS.index(element)
        frame = make_frame(seed, element=element)
        label = make_label(frame, Recipe(engine="emt", xc="none", kmesh=(2, 2, 2)))
        dataset = Dataset(
            provenance=Provenance.now(), element=element, parts={"test": (label.id,)},
            rule="fraction", query={}, energy="free",
        )  # fmt: skip
        model = Model(
            provenance=Provenance.now(), trainer="flare", hyperparameters={}, seed=0,
            dataset_id=dataset.id, files=(), wall_s=1.0,
        )  # fmt: skip
        row = ErrorRow(mae=percent / 100, rmse=1.0, mav=1.0, percent=percent)
        evaluation = Evaluation(
            provenance=Provenance.now(), model_id=model.id, dataset_id=dataset.id,
            energy_reference="mean-per-atom", predictions="0" * 64,
            errors=(GroupErrors(group="all", n_frames=1, energy=row, force=row, stress=None),),
        )  # fmt: skip
        constants = np.diag([2.0, 2.0, 2.0, 0.5, 0.5, 0.5])
        constants[0, 1] = constants[1, 0] = 0.5 + cauchy
        elastic = ElasticConstants(
            provenance=Provenance.now(), element=element, crystal=None, recipe=None,
            source="a book", strain=None, clamped_eV_per_A3=None, constants_eV_per_A3=constants,
            residual_stress_eV_per_A3=stress,
        )  # fmt: skip
        archive.put(frame, label, dataset, model, evaluation, elastic)
        return {
            "element": element,
            "family": metal(element).phase,
            "evaluation_id": evaluation.id,
            "elastic_constants_id": elastic.id,
            "unavailable": ["the engine emt has no electrons"],
        }

    return store


def test_a_study_is_stored_with_its_parents_and_its_gaps(archive, measured):
    given = [
        *(measured(el, p, 0.1 * i) for i, (el, p) in enumerate({"Cu": 5, "Ag": 4, "Ti": 12}.items())),
        {"element": "Os", "family": "hcp", "evaluation_id": None},
    ]  # fmt: skip
    out = correlate.original(given, "flare", "test", SETTINGS)
    assert out["missing"] == ["Os"]
    assert out["correlated"] == []
    study = archive.get(Study, out["study_id"])
    assert study.elements == ("Cu", "Ag", "Ti", "Os")
    assert {name: len(ids) for name, ids in study.parents.items()} == {
        "datasets": 3, "models": 3, "evaluations": 3, "elastic_constants": 3,
    }  # fmt: skip
    assert study.settings["analysis"] == SETTINGS["analysis"]
    assert any(one.startswith("Os: no evaluation of a flare model") for one in study.warnings)
    assert any("Cu: the engine emt has no electrons" in one for one in study.warnings)
    past = archive.trace(study.id)
    assert {"evaluations", "labels"} <= {level.collection for level in past.levels}


def test_the_same_study_is_not_made_twice_and_another_setting_is_another_study(
    archive, measured, monkeypatch
):
    given = [measured("Cu", 5.0, 0.1), measured("Ag", 4.0, 0.2)]
    first = correlate.original(given, "flare", "test", SETTINGS)
    with monkeypatch.context() as patch:
        patch.setattr("tm23flows.jobs.studies.correlations.make_results", None)
        assert correlate.original(given, "flare", "test", SETTINGS) == first
    other = {**SETTINGS, "analysis": {**SETTINGS["analysis"], "level": 0.1}}
    assert correlate.original(given, "flare", "test", other)["study_id"] != first["study_id"]
    assert archive.database["studies"].count_documents({}) == 2


def test_a_stress_that_is_as_large_as_the_cauchy_pressure_is_warned_of(archive, measured):
    given = [measured("Cu", 5.0, 0.1, stress=0.08), measured("Ag", 4.0, 0.2, stress=0.08)]
    out = correlate.original(given, "flare", "test", SETTINGS)
    said = archive.get(Study, out["study_id"]).warnings
    assert [one[:2] for one in said if "not at rest" in one] == ["Cu"]


def test_without_any_measured_metal_there_is_no_study(archive):
    with pytest.raises(TrainingError, match="No metal of the correlation study was measured"):
        correlate.original([{"element": "Cu", "evaluation_id": None}], "flare", "test", SETTINGS)
    assert archive.database["studies"].count_documents({}) == 0
