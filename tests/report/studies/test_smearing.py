"""The page of the smearing study: numbers of the document, three figures, no more claims."""

import pytest

from tm23flows.documents.base import Provenance
from tm23flows.documents.studies.label_sets import Bounded
from tm23flows.documents.studies.smearing import (
    MetalComparison,
    SmearingMetal,
    SmearingResults,
    SmearingRow,
)
from tm23flows.documents.study import Study
from tm23flows.report.studies.smearing import section


@pytest.fixture
def study(set_fields, set_metal, store_densities):
    """A function that makes a study of these metals."""

    def make(*elements, densities=True, **fields):
        def row(sigma, percent, change=None, **given):
            dos = store_densities(sigma_eV=sigma) if densities else ()
            given = {"dos_ids": dos, **fields, **given}
            return SmearingRow(sigma_eV=sigma, **set_fields(percent, change, **given))

        rows = (row(0.2, 9.0), row(1.0, 8.0, -1.0), row(2.0, 6.5, -2.5))
        metals = tuple(SmearingMetal(**set_metal(one), rows=rows) for one in elements)
        comparisons = tuple(
            MetalComparison(
                first=elements[0],
                second=one,
                difference=Bounded(value=-1.5, low=-2.0, high=-1.0),
                without_noise=Bounded(value=-1.0, low=-1.6, high=-0.4),
            )
            for one in elements[1:]
        )
        return Study(
            provenance=Provenance.now(),
            elements=elements,
            settings={},
            parents={},
            results=SmearingResults(
                metals=metals,
                comparisons=comparisons,
                falls_most=elements[0] if comparisons else None,
                sentence="Ti falls most." if comparisons else "",
            ),
        )

    return make


def table(found, title):
    return next(one for one in found.tables if one.title.startswith(title))


def test_the_answer_is_that_of_the_document(archive, study):
    found = section(archive, study("Ti", "Cu"))
    assert found.title == "Smearing study of Ti and Cu"
    assert found.answer[:3] == ("Ti: it falls.", "Cu: it falls.", "Ti falls most.")
    assert "article reports" in found.answer[-1]
    assert len(section(archive, study("Cu")).answer) == 2


def test_the_tables_hold_errors_noise_response_and_parents(archive, study):
    found = section(archive, study("Ti", "Cu"))
    for one in found.tables:
        assert all(len(row) == len(one.columns) for row in one.rows), one.title
    errors = table(found, "Force errors").rows
    assert [row[:2] for row in errors[:3]] == [("Ti", "0.2"), ("Ti", "1"), ("Ti", "2")]
    assert errors[0][4:6] == ("9.00 (8.50 to 9.50)", "-")
    assert errors[2][5] == "-2.50 (-2.90 to -2.10)"
    assert errors[2][-1] == "falls"
    assert table(found, "Label noise").rows[0][2:] == (
        "3x3x3", "yes", "5x5x5", "3", "7.50", "10.0", "30.0", "1.50",
    )  # fmt: skip
    response = table(found, "Force response").rows
    assert len(response) == 4, "the smallest width has none"
    assert response[0][2:5] == (
        "30.0 (28.0 to 32.0)", "71.0 (67.0 to 75.0)", "41.0 (38.0 to 44.0)",
    )  # fmt: skip
    assert table(found, "Change of the force error").rows == [
        ("Ti", "Cu", "-1.50 (-2.00 to -1.00)", "-1.00 (-1.60 to -0.400)")
    ]
    assert not any(one.title.startswith("Change") for one in section(archive, study("Cu")).tables)


def test_the_figures_are_those_of_the_article(archive, study):
    found = section(archive, study("Ti", "Cu"))
    assert ["9a" in found.drawings[0].title, "9b" in found.drawings[1].title] == [True, True]
    assert "9c" in found.drawings[2].title
    assert all(one.svg.lstrip().startswith(b"<?xml") for one in found.drawings)
    assert "label noise" in found.drawings[0].caption
    assert "Mean over 2 test frames" in found.drawings[1].caption
    again = section(archive, study("Ti", "Cu"))
    assert [one.svg for one in again.drawings] == [one.svg for one in found.drawings]


def test_without_densities_noise_and_intervals_the_rest_is_shown(archive, study):
    found = section(archive, study("Cu", densities=False, noise=None))
    assert len(found.drawings) == 2
    assert table(found, "Label noise").rows[0][4:] == ("-",) * 6
    bare = study("Cu", densities=False)
    text = bare.results.model_dump()
    for row in text["metals"][0]["rows"]:
        row["force"]["percent"].update(low=None, high=None)
    without = bare.model_copy(update={"results": SmearingResults.model_validate(text)})
    assert table(section(archive, without), "Force errors").rows[0][4] == "9.00"


def test_many_metals_find_room(archive, study):
    found = section(archive, study("Ti", "Cu", "Os", "Au", "Zr"))
    assert found.title == "Smearing study of Ti, Cu, Os, Au and Zr"
    assert len(found.drawings) == 3
