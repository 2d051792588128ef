"""Results of the smearing study: widths rise and changes are against the smallest."""

import pytest
from pydantic import ValidationError

from tm23flows.documents.studies.smearing import SmearingMetal, SmearingResults, SmearingRow


@pytest.fixture
def rows(set_fields):
    return (
        SmearingRow(sigma_eV=0.2, **set_fields(9.0)),
        SmearingRow(sigma_eV=1.0, **set_fields(8.0, -1.0)),
        SmearingRow(sigma_eV=2.0, **set_fields(7.0, -2.0)),
    )


def test_results_survive_the_way_through_the_database(rows, metal_fields):
    metal = SmearingMetal(**metal_fields, rows=rows)
    results = SmearingResults(metals=(metal,), comparisons=(), falls_most=None, sentence="")
    assert SmearingResults.model_validate(results.model_dump()) == results
    assert results.kind == "smearing"


def test_the_order_of_the_widths_is_held(rows, metal_fields):
    for wrong in (rows[::-1], rows[:1], (rows[0], rows[0]), rows[1:]):
        with pytest.raises(ValidationError):
            SmearingMetal(**metal_fields, rows=wrong)
