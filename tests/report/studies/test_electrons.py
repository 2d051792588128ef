"""The page of the electron-count study."""

import pytest

from tm23flows.documents.base import Provenance
from tm23flows.documents.studies.electrons import ElectronMetal, ElectronResults, ElectronRow
from tm23flows.documents.study import Study
from tm23flows.report.studies.electrons import section


@pytest.fixture
def study(set_fields, set_metal, store_densities):
    def metal(element, shift, change, verdict):
        def row(cell, percent, *changes):
            dos = store_densities(electron_shift=cell)
            fields = set_fields(percent, *changes, dos_ids=dos)
            return ElectronRow(electron_shift=cell, electrons_per_atom=cell / 7, **fields)

        rows = (row(0, 9.0), row(7 * shift, 9.0 + change, change, verdict))
        other = {"Au": "Os", "Os": "Au"}[element]
        return ElectronMetal(**set_metal(element, verdict=verdict), rows=rows, as_metal=other)

    return Study(
        provenance=Provenance.now(),
        elements=("Au", "Os"),
        settings={},
        parents={},
        results=ElectronResults(
            metals=(metal("Au", -3, 2.0, "rises"), metal("Os", 3, -2.0, "unresolved"))
        ),
    )


def test_the_page_says_what_was_found_and_what_is_not_compared(archive, study):
    found = section(archive, study)
    assert found.title == "Electron-count study of Au and Os"
    assert found.answer[:2] == ("Au: it falls.", "Os: it falls.")
    assert "no energies and no stresses" in found.answer[2]
    for one in found.tables:
        assert all(len(row) == len(one.columns) for row in one.rows), one.title
    counts, errors, *_ = found.tables
    assert counts.rows == [("Au", "-3", "-21", "Os"), ("Os", "+3", "+21", "Au")]
    assert [row[1] for row in errors.rows] == [
        "neutral", "-3 per atom", "neutral", "+3 per atom",
    ]  # fmt: skip
    assert [row[-1] for row in errors.rows] == ["-", "rises", "-", "not resolved"]
    assert errors.rows[1][5] == "+2.00 (+1.60 to +2.40)"


def test_the_figures_are_those_of_the_article(archive, study):
    densities, errors = section(archive, study).drawings
    assert "9d" in densities.title
    assert "9e" in errors.title
    assert all(one.svg.lstrip().startswith(b"<?xml") for one in (densities, errors))
