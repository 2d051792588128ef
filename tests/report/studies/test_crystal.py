"""The crystal study as it is shown: sentences that compare, and figures."""

import pytest
from crystal_rows import MODEL, FakeArchive, metal, row, study

from tm23flows.documents.studies.crystal import CrystalRow
from tm23flows.report.studies.crystal import section

WHY = {"lattice": "It fell apart <b>.", "elastic": "So.", "vacancy": "So."}


def test_a_model_is_said_in_deviations_from_the_labels():
    model = row(MODEL, a_A=3.636, modulus=0.88, unrelaxed=1.35)
    found = section(FakeArchive(), study(metal(models=(model,))))
    assert found.title == "Crystals of Cu"
    first, second = found.answer
    assert first == "Cu, fcc, with the recipe of the labels: a = 3.600 Å, bulk modulus 128 GPa."
    assert second == (
        "Cu, my EMT aaaaaaaa: a +1.00 %, bulk modulus +10.00 %, unrelaxed vacancy +0.150 eV, all "
        "against the labels."
    )
    (drawing,) = found.drawings
    assert drawing.title == "Energy against volume: Cu, fcc"


def test_a_hexagonal_crystal_has_two_lengths():
    made = metal(
        element="Ti",
        phase="hcp",
        labels=row(None, a_A=2.9, c_A=4.6),
        models=(row(MODEL, a_A=2.9, c_A=4.646),),
    )
    first, second = section(FakeArchive(), study(made)).answer
    assert "a = 2.900 Å, c = 4.600 Å" in first
    assert "a +0.00 %, c +1.00 %" in second


def test_without_labels_numbers_stand_alone():
    found = section(FakeArchive(), study(metal(labels=None)))
    assert "cannot be computed with here" in found.answer[0]
    assert found.answer[1].endswith("a = 3.600 Å, bulk modulus 128 GPa.")


def test_a_model_without_a_crystal_is_not_left_out():
    lost = CrystalRow(model_id=MODEL, reasons=WHY)
    found = section(FakeArchive(), study(metal(labels=None, models=(lost,))))
    assert (
        found.answer[1] == "Cu, my EMT aaaaaaaa: no lattice with an equation of state, see below."
    )
    assert found.drawings == ()
    (table,) = found.tables
    assert table.rows[0] == ("Cu", "my EMT aaaaaaaa", "lattice", "It fell apart <b>.")


def test_another_study_is_not_shown():
    with pytest.raises(TypeError, match="no crystal study"):
        section(FakeArchive(), type("Other", (), {"results": None, "id": "x"})())
