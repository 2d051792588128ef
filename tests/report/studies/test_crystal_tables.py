"""Tables of the crystal study: what is compared, what is missing, and what failed."""

import pytest
from crystal_rows import MODEL, metal, phase, row

from tm23flows.report.studies.crystal_tables import (
    Shown,
    crystal_tables,
    gpa_text,
    percent_change,
)


def tables(*metals):
    shown = [
        Shown(one, given, "labels" if given.model_id is None else "my EMT")
        for one in metals
        for given in ([one.labels] if one.labels else []) + list(one.models)
    ]
    return {one.title: one for one in crystal_tables(shown)}


def test_models_stand_beside_the_labels_with_their_deviations():
    model = row(MODEL, a_A=3.564, modulus=0.84, difference=0.0021, scale=1.1, unrelaxed=1.35)
    found = tables(metal(models=(model,)))
    labels, mine = found["Lattice and equation of state"].rows
    assert labels == ("Cu", "labels", "3.600", "-", "11.664", "128", "5.00", "-")
    assert mine[2] == "3.564 (-1.00 %)"
    assert mine[5] == "135 (+5.00 %)"
    assert mine[7] == "2.10"
    # 10 % of 1, 0 and 0.5 eV/A^3: 16.02, 0 and 8.01 GPa.
    _, mine = found["Elastic constants of cubic crystals"].rows
    assert mine == ("Cu", "my EMT", "176", "0.000", "88.1", "8.01")
    labels, mine = found["Formation energy of a vacancy"].rows
    assert labels == ("Cu", "labels", "32", "1.200", "-")
    assert mine == ("Cu", "my EMT", "32", "1.350", "1.250")


def test_cubic_and_other_crystals_have_tables_of_their_own():
    hexagonal = metal(element="Ti", labels=row(None, c_A=4.6), models=(row(MODEL, c_A=4.7),))
    found = tables(metal(), hexagonal)
    assert {one[0] for one in found["Elastic constants of cubic crystals"].rows} == {"Cu"}
    other = found["Elastic constants of other crystals"]
    assert {one[0] for one in other.rows} == {"Ti"}
    assert "C33 / GPa" in other.columns


def test_phases_are_side_by_side_and_one_without_energy_is_a_failure():
    labels = row(None, phases=(phase("bcc", 0.035), phase("hcp", 0.009)))
    model = row(MODEL, phases=(phase("bcc", None), phase("hcp", -0.004)))
    found = tables(metal(labels=labels, models=(model,)))
    assert found["Energies of other phases"].rows == (
        ("Cu", "bcc", "labels", "35.0", "11.700"),
        ("Cu", "hcp", "labels", "9.00", "11.700"),
        ("Cu", "hcp", "my EMT", "-4.00", "11.700"),
    )
    failed = found["What there is no number for"].rows
    assert ("Cu", "my EMT", "bcc", "It went.") in failed
    assert ("Cu", "labels", "relaxed vacancy", "Labels are statics.") in failed


def test_rows_fit_their_columns():
    for table in tables(metal(), metal(element="Ti", labels=row(None, c_A=4.6))).values():
        assert {len(one) for one in table.rows} == {len(table.columns)}


@pytest.mark.parametrize(("value", "text"), [(1.0, "160"), (0.05, "8.01")])
def test_moduli_are_in_gpa(value, text):
    assert gpa_text(value) == text
    assert percent_change(value, 2 * value) == "-50.00 %"
    assert percent_change(value, value * (1 + 1e-7)) == "+0.00 %"
