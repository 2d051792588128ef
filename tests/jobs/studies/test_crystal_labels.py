"""The row of the labels: what was asked for and is there, and why the rest is not."""

import crystal_kit as kit
import pytest

from tm23flows.documents.elastic_constants import ElasticConstants
from tm23flows.documents.label import Label
from tm23flows.jobs.studies.crystal_labels import NOT_ASKED, label_row, vacancy_labels

NOTHING = {"elastic_constants_id": None, "vacancy": None}


@pytest.fixture
def rest(archive):
    return kit.equilibrium(kit.start())


def test_everything_that_was_asked_for_is_in_the_row(archive, rest):
    crystal = rest["crystal"]
    wired = {
        "rest": rest,
        "elastic_constants_id": kit.elastic(crystal),
        "vacancy": kit.vacancy(crystal),
    }
    row = label_row(archive, wired, {})
    assert row.reasons == {}
    assert row.recipe_ids == (rest["recipe_id"],)
    assert row.lattice.a_A**3 / 4 == pytest.approx(rest["volume_A3_per_atom"])
    stored = archive.get(ElasticConstants, wired["elastic_constants_id"])
    assert row.elastic.constants_eV_per_A3[3][3] == stored.constants_eV_per_A3[3, 3]
    perfect, holed = archive.get_many(Label, vacancy_labels(wired["vacancy"]))
    energy = holed.energies.free - 31 / 32 * perfect.energies.free
    assert row.vacancy.unrelaxed_eV == pytest.approx(energy)
    assert row.vacancy.relaxed_eV is None
    assert "stay on their sites" in row.vacancy.reason


def test_what_was_not_asked_for_is_said(archive, rest):
    row = label_row(archive, {"rest": rest, **NOTHING}, {})
    assert row.reasons == {"elastic": NOT_ASKED, "vacancy": NOT_ASKED}


def test_a_vacancy_without_a_label_is_no_vacancy(archive, rest):
    vacancy = kit.vacancy(rest["crystal"])
    archive.database["labels"].delete_one({"_id": vacancy_labels(vacancy)[1]})
    row = label_row(archive, {"rest": rest, **NOTHING, "vacancy": vacancy}, {})
    assert row.vacancy is None
    assert "see the rejections" in row.reasons["vacancy"]


def test_phases_have_an_energy_or_a_reason(archive, rest):
    phases = {
        "bcc": kit.equilibrium(kit.start(2.85, "bcc")),
        "hcp": kit.equilibrium(kit.start(3.3, "hcp"), final=False),
    }
    row = label_row(archive, {"rest": rest, **NOTHING}, phases)
    bcc, hcp = row.phases
    assert bcc.difference_eV_per_atom == pytest.approx(
        phases["bcc"]["energy_eV_per_atom"] - rest["energy_eV_per_atom"]
    )
    assert bcc.difference_eV_per_atom > 0
    assert hcp.difference_eV_per_atom is None
    assert "no minimum" in hcp.reason
