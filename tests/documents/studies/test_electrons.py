"""Results of the electron-count study: neutral first, two metals."""

import pytest
from pydantic import ValidationError

from tm23flows.documents.studies.electrons import ElectronMetal, ElectronResults, ElectronRow


@pytest.fixture
def rows(set_fields):
    return (
        ElectronRow(electron_shift=0, electrons_per_atom=0, **set_fields(9.0)),
        ElectronRow(electron_shift=-21, electrons_per_atom=-3, **set_fields(11.0, 2.0, "rises")),
    )


def test_results_survive_the_way_through_the_database(rows, metal_fields):
    metal = ElectronMetal(**metal_fields, rows=rows, as_metal="Os")
    results = ElectronResults(metals=(metal, metal))
    assert ElectronResults.model_validate(results.model_dump()) == results
    with pytest.raises(ValidationError):
        ElectronResults(metals=(metal,))


def test_the_neutral_labels_come_first(rows, metal_fields):
    for wrong in (rows[::-1], (rows[0], rows[0]), (*rows, rows[1])):
        with pytest.raises(ValidationError):
            ElectronMetal(**metal_fields, rows=wrong, as_metal=None)
