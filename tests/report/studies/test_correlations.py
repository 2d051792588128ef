"""The page of a correlation study says what is in the study, and no more."""

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from tm23flows.documents.base import Provenance
from tm23flows.documents.studies.correlations import MetalRow
from tm23flows.documents.study import Study
from tm23flows.jobs.studies.correlations import make_results
from tm23flows.report.studies.correlations import section
from tm23flows.science.correlations import Analysis
from tm23flows.science.metals import METALS, metal

ANALYSIS = {"resamples": 200, "permutations": 1999, "seed": 0}


def study_of(symbols, gaps=(), families=("fcc", "hcp")):
    random = np.random.default_rng(1)
    rows = []
    for place, symbol in enumerate(symbols):
        centre = random.uniform(-5, 0)
        measured = {
            "force_percent": 15 + 2 * centre + 0.2 * random.standard_normal(),
            "force_mae_eV_per_A": abs(random.standard_normal()),
        }
        rows.append(
            MetalRow(
                element=symbol,
                group=metal(symbol).group,
                family=families[place % len(families)],
                values={
                    "d_band_centre_eV": centre,
                    "cauchy_pressure_eV_per_A3": random.standard_normal(),
                    "melting_temperature_K": metal(symbol).melting_temperature_K,
                },
                missing=("no evaluation of a flare model",) if symbol in gaps else (),
                **({} if symbol in gaps else measured),
            )
        )
    return Study(
        provenance=Provenance.now(),
        elements=tuple(symbols),
        settings={"trainer": "flare", "analysis": ANALYSIS},
        parents={},
        results=make_results(rows, Analysis(**ANALYSIS)),
    )


@pytest.fixture(scope="module")
def all_metals():
    return study_of(METALS, gaps=("Os",))


@pytest.fixture(scope="module")
def page(all_metals):
    return section(None, all_metals)


def table(page, title):
    return next(one for one in page.tables if one.title == title)


def test_the_answer_names_what_was_found_and_every_null_result(page):
    text = " ".join(page.answer)
    assert "26 of 27 metals were measured; without Os." in text
    assert re.search(r"correlated with d-band centre \(n = 26, slope (1\.9|2\.0)", text)
    assert "without Zn, Cd and Hg: correlated" in text
    assert re.search(r"Null results.*Cauchy pressure C12 - C44.*melting temperature", text)
    assert re.search(r"Not tested.*minimum k density", text)
    assert "names no cause" in text


def test_every_test_is_a_row_and_rows_fit_their_columns(page, all_metals):
    for one in page.tables:
        assert {len(row) for row in one.rows} == {len(one.columns)}
    assert len(table(page, "Trends").rows) == len(all_metals.results.trends) == 20
    assert f"all {all_metals.results.n_p_values} of this study" in table(page, "Trends").note
    assert len(table(page, "Metals").rows) == 27


def test_numbers_are_shown_in_the_units_of_the_columns(page, all_metals):
    columns = table(page, "Metals").columns
    row = next(one for one in table(page, "Metals").rows if one[0] == "Cu")
    shown = dict(zip(columns, row, strict=True))
    copper = next(one for one in all_metals.results.metals if one.element == "Cu")
    assert float(shown["Cauchy pressure C12 - C44 / GPa"]) == pytest.approx(
        160.2177 * copper.values["cauchy_pressure_eV_per_A3"], rel=5e-3
    )
    assert shown["melting temperature / 1000 K"] == "1.36"
    assert float(shown["force MAE / meV/Å"]) == pytest.approx(
        1000 * copper.force_mae_eV_per_A, rel=5e-3
    )
    trend = next(
        one for one in all_metals.results.trends
        if one.predictor == "melting_temperature_K" and one.error == "force_mae_eV_per_A"
    )  # fmt: skip
    cells = next(
        one for one in table(page, "Trends").rows
        if one[0].startswith("melting") and one[1] == "force MAE"
    )  # fmt: skip
    assert float(cells[4]) == pytest.approx(1e6 * trend.slope, rel=5e-3)


def test_the_null_results_of_the_article_stand_beside_ours(page):
    rows = {one[0]: one for one in table(page, "Beside the article").rows}
    assert rows["Cauchy pressure C12 - C44"][1].startswith("null result")
    assert rows["minimum k density"][1].startswith("null result")
    assert "force % error, all: null result" in rows["Cauchy pressure C12 - C44"][2]
    assert "force % error, without Zn, Cd, Hg: correlated" in rows["d-band centre"][2]
    assert "force % error, all: not tested" in rows["minimum k density"][2]


def test_a_missing_metal_keeps_its_row_with_the_reason(page):
    row = next(one for one in table(page, "Metals").rows if one[0] == "Os")
    assert row[-1] == "no evaluation of a flare model"
    assert row[3] == "-"


def test_figures_are_sound_and_the_same_each_time(page, all_metals):
    assert len(page.drawings) == 2
    for one in page.drawings:
        assert ET.fromstring(one.svg).tag.endswith("svg")
    assert [one.svg for one in section(None, all_metals).drawings] == [
        one.svg for one in page.drawings
    ]


def test_few_metals_are_said_to_be_few():
    page = section(None, study_of(("Cu", "Ag", "Ti")))
    text = " ".join(page.answer)
    # Of three metals no p-value can be at the level: that is no null result.
    assert re.search("Not tested, for want of metals.*d-band centre.*melting temperature", text)
    assert "Null results" not in text
    assert "correlated with" not in text
    trends = table(page, "Trends").rows
    assert {row[2] for row in trends} == {"all"}
    assert any("too few for an interval" in row[-1] for row in trends)
    assert len(page.drawings) == 2
    text = " ".join(section(None, study_of(("Cu", "Ag", "Ti", "Os", "Ni", "V"))).answer)
    assert "With 6 metals only a very strong correlation can be seen" in text


def test_what_is_seen_without_group_xii_alone_or_in_the_mae_is_said(all_metals):
    def said(**fields):
        trends = [
            one.model_copy(update={"verdict": "null result"})
            if (one.predictor, one.error, one.without_group_xii)
            != ("d_band_centre_eV", fields["error"], fields["without"])
            else one.model_copy(update={"verdict": "correlated"})
            for one in all_metals.results.trends
        ]
        results = all_metals.results.model_copy(update={"trends": tuple(trends)})
        return " ".join(section(None, all_metals.model_copy(update={"results": results})).answer)

    without = said(error="force_percent", without=True)
    assert re.search("Null results for the force % error: d-band centre", without)
    assert re.search(
        r"correlated with d-band centre \(n = 23.*without Zn, Cd and Hg alone", without
    )
    assert "The force MAE is correlated with d-band centre" in said(
        error="force_mae_eV_per_A", without=False
    )
